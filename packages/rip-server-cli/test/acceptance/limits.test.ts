import { expect } from 'bun:test'
import { timeUntil, until } from '@rip/testing'
import { expectWithin, figure, long } from './scenario.ts'
import { expectNothingFailed } from './expect-nothing-failed.ts'
import { watchStatus } from './status-watch.ts'

long('workers are recycled by requests one at a time, and no request is lost', async (sandbox) => {
  await sandbox.serve({ flags: ['--max-requests', '300'] })
  const load = sandbox.startLoad({ ratePerSecond: 200 })
  const watched = watchStatus(sandbox)
  const seen = new Map<number, number>()
  let most = 0
  watched.onStatus(({ workers }) => {
    most = Math.max(most, workers.filter(({ state }) => state !== 'exited').length)
    for (const { pid, state } of workers)
      if (state === 'ready' && pid !== null) seen.set(pid, performance.now())
  })
  await Bun.sleep(40_000)
  await watched.stop()
  expectNothingFailed(await load.stop())
  const recycled = seen.size - 4
  const ends = [...seen.values()].toSorted((a, b) => a - b).slice(0, -4)
  const gaps = ends.slice(1).map((at, n) => at - (ends[n] ?? at))
  expect(recycled, `only ${recycled} workers were recycled`).toBeGreaterThanOrEqual(8)
  expect(most, `${most} workers at once`).toBeLessThanOrEqual(5)
  expect(watched.fewestReady(), `only ${watched.fewestReady()} were ready`).toBe(4)
  expect(new Set(gaps.map((gap) => Math.round(gap / 100))).size, 'they are recycled in step').toBeGreaterThan(
    1,
  )
  figure(`${recycled} workers recycled one at a time, never fewer than ${watched.fewestReady()} ready`)
})

long('workers are recycled for a leak, and not for a spike of memory', async (sandbox) => {
  await sandbox.serve({ workers: 2, flags: ['--max-memory', '200MiB'] })
  const before = await sandbox.workerPids()
  await sandbox.get('/spike?mb=150')
  await Bun.sleep(5000)
  expect(before.join(), 'a spike was enough').toBe((await sandbox.workerPids()).join())
  const load = sandbox.startLoad()
  const { pid: leaky } = (await (await sandbox.get('/leak?mb=200')).json()) as { pid: number }
  const ms = await timeUntil(async () => !(await sandbox.workerPids()).includes(leaky), 20_000)
  expectWithin(10_000, ms, `replaced after ${Math.round(ms)} ms`)
  await until('both are ready', async () => (await sandbox.status())?.readyWorkers === 2)
  expectNothingFailed(await load.stop())
  figure(`recycled ${(ms / 1000).toFixed(1)} s after the leak`)
})

long('scaling by command and by signal under load loses no request', async (sandbox) => {
  const server = await sandbox.serve({ workers: 2 })
  const load = sandbox.startLoad()
  const watched = watchStatus(sandbox)
  const convergedMs: number[] = []
  const expectWorkers = async (wanted: number): Promise<void> => {
    const ms = await timeUntil(async () => {
      const status = await sandbox.status()
      return status?.readyWorkers === wanted && status.workers.length === wanted
    }, 10_000)
    convergedMs.push(ms)
    expectWithin(2000, ms, `${wanted} workers took ${Math.round(ms)} ms`)
  }
  expect((await sandbox.run('scale', '+4')).code, 'scale +4 failed').toBe(0)
  await expectWorkers(6)
  expect((await sandbox.run('scale', '1')).code, 'scale 1 failed').toBe(0)
  await expectWorkers(1)
  for (let wanted = 2; wanted <= 4; wanted++) {
    server.kill('SIGTTIN')
    await until('the signal was taken', async () => (await sandbox.status())?.wantedWorkers === wanted)
  }
  await expectWorkers(4)
  for (let n = 0; n < 10; n++) {
    server.kill('SIGTTOU')
    await Bun.sleep(20)
  }
  await expectWorkers(1)
  await watched.stop()
  expectNothingFailed(await load.stop())
  expect(watched.fewestReady(), 'there was a moment without a worker').toBeGreaterThanOrEqual(1)
  figure(`each change within ${Math.round(Math.max(...convergedMs))} ms, never below 1`)
})
