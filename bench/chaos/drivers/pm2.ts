import { join } from 'node:path'
import { pathToRealNode } from '@rip/testing'
import { processTree } from '../../proxy/process-usage.ts'
import type { Driver, DriverFactory } from '../driver.ts'
import { pidIn } from './rack.ts'
import { commandOf } from '@rip/testing'
import { copyApp, untilAnswering, writeRelease } from './shared.ts'

/** pm2 in cluster mode with readiness messages, under Node.js as its users run it; found on the PATH (`npm install pm2`). */
export const pm2: DriverFactory = ({ port, workers, folder }): Driver => {
  const home = join(folder, '.pm2')
  const env = { ...process.env, PATH: pathToRealNode(), PM2_HOME: home, PORT: String(port) }
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
