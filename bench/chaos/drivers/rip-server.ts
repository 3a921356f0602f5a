import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { processTree } from '../../proxy/process-usage.ts'
import type { Driver, DriverFactory } from '../driver.ts'
import { commandOf, copyApp, stop, untilAnswering, writeRelease } from './shared.ts'

const PROGRAM = fileURLToPath(import.meta.resolve('rip-server/package.json')).replace(
  'package.json',
  'bin/rip-server',
)

export const ripServer: DriverFactory = ({ port, workers, folder }): Driver => {
  let child: Bun.Subprocess | undefined
  copyApp(['app.ts', 'version.ts'], folder)
  const env = { ...process.env, XDG_RUNTIME_DIR: join(folder, '.run') }

  const launch = async (): Promise<void> => {
    child = Bun.spawn(
      [PROGRAM, 'start', folder, '--port', String(port), '--workers', String(workers), '--quiet'],
      {
        env,
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    await untilAnswering(port)
  }

  return {
    name: 'rip-server',
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
