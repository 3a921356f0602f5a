import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ListenSocket, openListenSocket } from '@rip/manager'
import { processTree } from '../../proxy/process-usage.ts'
import type { Driver, DriverFactory, DriverOptions } from '../driver.ts'
import { commandOf } from '@rip/testing'
import { copyApp, stop, untilAnswering, writeRelease } from './shared.ts'

const PROGRAM = fileURLToPath(import.meta.resolve('rip-server/package.json')).replace(
  'package.json',
  'bin/rip-server',
)

/** rip-server as started from a shell: it opens its listening socket itself. */
export const ripServer: DriverFactory = (options): Driver =>
  driver('rip-server', options, async (args) => ({ argv: [PROGRAM, ...args], fds: [] }))

/**
 * rip-server with socket activation (sd_listen_fds(3)): the listening socket belongs to this process, as it belongs to
 * systemd in production, and outlives the server.
 */
export const activatedRipServer: DriverFactory = (options): Driver => {
  let holder: ListenSocket | undefined
  const activated = driver('rip-activated', options, async (args) => {
    holder ??= await openListenSocket({ host: '127.0.0.1', port: options.port })
    if (holder === undefined) throw new Error('no listening socket can be held here')
    const shell = 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
    return { argv: ['sh', '-c', shell, 'sh', PROGRAM, ...args], fds: [holder.fd] }
  })
  return {
    ...activated,
    async [Symbol.asyncDispose]() {
      await activated[Symbol.asyncDispose]()
      await holder?.close()
    },
  }
}

function writeConfig(folder: string, config: object): void {
  writeFileSync(join(folder, 'rip-server.config.ts'), `export default ${JSON.stringify(config)}\n`)
}

interface Launch {
  readonly argv: readonly string[]
  /** Descriptors to pass on, from number 3 on. */
  readonly fds: readonly number[]
}

function driver(
  name: string,
  { port, workers, folder, workerProtocol }: DriverOptions,
  launchOf: (args: readonly string[]) => Promise<Launch>,
): Driver {
  let child: Bun.Subprocess | undefined
  copyApp(['app.ts', 'version.ts'], folder)
  if (workerProtocol !== undefined) writeConfig(folder, { balancer: { workerProtocol } })
  const env = { ...process.env, XDG_RUNTIME_DIR: join(folder, '.run') }
  const args = ['start', folder, '--port', String(port), '--workers', String(workers), '--quiet']

  const launch = async (): Promise<void> => {
    const { argv, fds } = await launchOf(args)
    child = Bun.spawn([...argv], { env, stdio: ['ignore', 'ignore', 'inherit', ...fds] })
    await untilAnswering(port)
  }

  return {
    name,
    port,
    start: launch,
    restartManager: launch,
    managerPid: () => child?.pid ?? 0,
    workerPids: () => processTree(child?.pid ?? 0).filter((pid) => commandOf(pid).includes('rip-worker')),
    deploy: async (release) =>
      writeRelease(join(folder, 'version.ts'), (version) => `export const VERSION = '${version}'`, release),
    reload: () =>
      Bun.spawn([PROGRAM, 'reload', folder, '--quiet'], { env, stdio: ['ignore', 'ignore', 'ignore'] })
        .exited,
    [Symbol.asyncDispose]: () => stop(child),
  }
}
