import { timeUntil, until } from '../condition.ts'
import { expectNothingFailed } from '../load-verdict.ts'
import type { BlackBoxScenario } from '../scenario.ts'
import { watchStatus } from '../status-watch.ts'

const S51: BlackBoxScenario = {
  id: 'S51',
  title: 'recycling by requests under load',
  shortened: 'every 300 ± 10 % requests, 200 requests/s for 40 s',
  async run(sandbox, verdict) {
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
    expectNothingFailed(verdict, await load.stop())
    const recycled = seen.size - 4
    const ends = [...seen.values()].toSorted((a, b) => a - b).slice(0, -4)
    const gaps = ends.slice(1).map((at, n) => at - (ends[n] ?? at))
    verdict.expect(recycled >= 8, `only ${recycled} workers were recycled`)
    verdict.expect(most <= 5, `${most} workers at once`)
    verdict.expect(watched.fewestReady() === 4, `only ${watched.fewestReady()} were ready`)
    verdict.expect(new Set(gaps.map((gap) => Math.round(gap / 100))).size > 1, 'they are recycled in step')
    verdict.figure(
      `${recycled} workers recycled one at a time, never fewer than ${watched.fewestReady()} ready`,
    )
  },
}

const S52: BlackBoxScenario = {
  id: 'S52',
  title: 'recycling by memory: not by a spike, but by a leak',
  shortened: 'limit 200 MiB',
  async run(sandbox, verdict) {
    await sandbox.serve({ workers: 2, flags: ['--max-memory', '200MiB'] })
    const before = await sandbox.workerPids()
    await sandbox.get('/spike?mb=150')
    await Bun.sleep(5000)
    verdict.expect(before.join() === (await sandbox.workerPids()).join(), 'a spike was enough')
    const load = sandbox.startLoad()
    const { pid: leaky } = (await (await sandbox.get('/leak?mb=200')).json()) as { pid: number }
    const ms = await timeUntil(async () => !(await sandbox.workerPids()).includes(leaky), 20_000)
    verdict.expect(ms <= 10_000, `replaced after ${Math.round(ms)} ms`)
    await until('both are ready', async () => (await sandbox.status())?.readyWorkers === 2)
    expectNothingFailed(verdict, await load.stop())
    verdict.figure(`recycled ${(ms / 1000).toFixed(1)} s after the leak`)
  },
}

const S53: BlackBoxScenario = {
  id: 'S53',
  title: 'scaling by command and by signal under load',
  async run(sandbox, verdict) {
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
      verdict.expect(ms <= 2000, `${wanted} workers took ${Math.round(ms)} ms`)
    }
    verdict.expect((await sandbox.command('scale', '+4')).code === 0, 'scale +4 failed')
    await expectWorkers(6)
    verdict.expect((await sandbox.command('scale', '1')).code === 0, 'scale 1 failed')
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
    expectNothingFailed(verdict, await load.stop())
    verdict.expect(watched.fewestReady() >= 1, 'there was a moment without a worker')
    verdict.figure(`each change within ${Math.round(Math.max(...convergedMs))} ms, never below 1`)
  },
}

export const LIMITS: readonly BlackBoxScenario[] = [S51, S52, S53]
