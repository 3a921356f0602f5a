import { expect, test } from 'bun:test'
import { startOrphanReaper } from '../../src/process/orphans.ts'
import { temporaryFolder } from '../real.ts'

test('does nothing unless the process is process 1', () => {
  expect(startOrphanReaper()).toBeUndefined()
})

function canUnshare(): boolean {
  return Bun.spawnSync(['unshare', '--pid', '--fork', '--mount-proc', 'true'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  }).success
}

test.skipIf(!canUnshare())(
  'as pid 1 it buries strangers and keeps the exit codes of its own (needs a PID namespace)',
  async () => {
    await using folder = await temporaryFolder()
    const source = (name: string): string =>
      JSON.stringify(new URL(`../../src/${name}.ts`, import.meta.url).pathname)
    await Bun.write(
      folder.at('init.ts'),
      `import { readdirSync } from 'node:fs'
     import { startOrphanReaper } from ${source('process/orphans')}
     import { processState } from ${source('system/start-time')}
     startOrphanReaper()
     const own = Bun.spawn(['sh', '-c', 'sleep 1.2; exit 7'])
     const parents = Array.from({ length: 50 }, () => Bun.spawn(['sh', '-c', '(sleep 0.2; exit 3) & (sleep 0.3; exit 4) &']))
     await Promise.all(parents.map((parent) => parent.exited))
     const zombies = () => readdirSync('/proc').filter((name) => processState(Number(name)) === 'Z').length
     while (zombies() < 100) await Bun.sleep(10)
     const deadline = performance.now() + 8_000
     while (zombies() > 0 && performance.now() < deadline) await Bun.sleep(20)
     console.log(JSON.stringify({ pid: process.pid, left: zombies(), own: await own.exited }))
     process.exit()`,
    )
    const init = Bun.spawn(
      ['unshare', '--pid', '--fork', '--mount-proc', process.execPath, folder.at('init.ts')],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    expect(await new Response(init.stdout).json()).toEqual({ pid: 1, left: 0, own: 7 })
  },
  20_000,
)
