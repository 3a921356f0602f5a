import { join } from 'node:path'
import { processTree } from '../../proxy/process-usage.ts'
import type { Driver, DriverFactory } from '../driver.ts'
import { pidIn } from './rack.ts'
import { commandOf, copyApp, untilAnswering, writeRelease } from './shared.ts'

/** `bun run` puts itself in front under the name of node; pm2 is measured with what its users run it with. */
function withRealNode(): string {
  const folders = (process.env['PATH'] ?? '').split(':')
  return folders.filter((folder) => !folder.includes('/bun-node-')).join(':')
}

/** pm2 in cluster mode with readiness messages; found on the PATH (`npm install pm2`). */
export const pm2: DriverFactory = ({ port, workers, folder }): Driver => {
  const home = join(folder, '.pm2')
  const env = { ...process.env, PATH: withRealNode(), PM2_HOME: home, PORT: String(port) }
  copyApp(['server.cjs', 'version.cjs'], folder)

  const run = (...words: string[]): Promise<number> =>
    Bun.spawn(['pm2', ...words], { cwd: folder, env, stdio: ['ignore', 'ignore', 'ignore'] }).exited

  const launch = async (): Promise<void> => {
    await run(
      'start',
      'server.cjs',
      '--name',
      'app',
      '-i',
      String(workers),
      '--wait-ready',
      '--kill-timeout',
      '5000',
    )
    await untilAnswering(port)
  }

  return {
    name: 'pm2',
    port,
    start: launch,
    restartManager: launch,
    managerPid: () => pidIn(join(home, 'pm2.pid')),
    workerPids: () =>
      processTree(pidIn(join(home, 'pm2.pid'))).filter((pid) => commandOf(pid).includes('server.cjs')),
    deploy: async (release) =>
      writeRelease(join(folder, 'version.cjs'), (version) => `exports.VERSION = '${version}'`, release),
    reload: () => run('reload', 'app'),
    async [Symbol.asyncDispose]() {
      await run('kill')
    },
  }
}
