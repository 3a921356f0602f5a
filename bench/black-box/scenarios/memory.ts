import { timeUntil, until } from '../condition.ts'
import { expectNothingFailed } from '../load-verdict.ts'
import { MemoryGroup } from '../memory-group.ts'
import type { Program } from '../program.ts'
import type { Sandbox } from '../sandbox.ts'
import type { BlackBoxScenario } from '../scenario.ts'
import type { Verdict } from '../verdict.ts'

const MIB = 1_048_576
const WORKERS = 4
/** What a generation may take while the one before is still there. */
const HEADROOM = 1.3

/** A group that is removed once the processes of the sandbox are gone. */
function groupFor(sandbox: Sandbox): MemoryGroup {
  const group = MemoryGroup.create()
  sandbox.atEnd(() => group.remove())
  return group
}

const S19: BlackBoxScenario = {
  id: 'S19',
  title: 'surge on a host with little memory',
  shortened: 'a control group limited to 1.3 times what the server takes at rest',
  unavailable: () => MemoryGroup.unavailable(),
  async run(sandbox, verdict) {
    const group = groupFor(sandbox)
    const server = await sandbox.serve({ workers: WORKERS, wrapper: group.wrapper })
    await (await sandbox.get('/')).text()
    await Bun.sleep(2500)
    const restBytes = group.usedBytes
    group.limit(HEADROOM * restBytes)
    const load = sandbox.startLoad({ ratePerSecond: 50 })
    sandbox.deploy('r1')
    const { code, stderr, tookMs } = await sandbox.reload()
    verdict.expect(code === 0, `the reload ended with ${code}: ${stderr.trim()}`)
    const whole = await timeUntil(async () => {
      const { readyWorkers = 0, workers = [] } = (await sandbox.status()) ?? {}
      return readyWorkers === WORKERS && workers.length === WORKERS
    }, 30_000)
    verdict.expect(Number.isFinite(whole), `not all workers are there again:\n${server.stderr}`)
    expectNothingFailed(verdict, await load.stop())
    verdict.expect((await sandbox.version()) === 'r1', 'the new release does not serve')
    verdict.expect(group.kills === 0, `${group.kills} processes were killed for want of memory`)
    verdict.expect(/memory/.test(server.stderr), `it does not say that memory was scarce:\n${server.stderr}`)
    verdict.figure(
      `${Math.round(restBytes / MIB)} MiB at rest, limit ${Math.round((HEADROOM * restBytes) / MIB)} MiB`,
    )
    verdict.figure(`reload took ${Math.round(tookMs)} ms, 0 OOM kills`)
  },
}

/** How the process that is going to take too much came into a group with a limit. */
type Placing = (sandbox: Sandbox, group: MemoryGroup) => Promise<{ server: Program; worker: number }>

const LIMIT_BYTES = 600 * MIB
/** More than the limit allows to anybody. */
const LEAK_MIB = 800

const born: Placing = async (sandbox, group) => {
  group.limit(LIMIT_BYTES)
  const server = await sandbox.serve({ workers: 2, wrapper: group.wrapper })
  return { server, worker: await anybody(sandbox) }
}

const moved: Placing = async (sandbox, group) => {
  const server = await sandbox.serve({ workers: 2 })
  for (const pid of [server.pid, ...sandbox.descendants(server.pid)]) group.add(pid)
  group.limit(LIMIT_BYTES)
  return { server, worker: await anybody(sandbox) }
}

const workerAlone: Placing = async (sandbox, group) => {
  const server = await sandbox.serve({ workers: 2 })
  const worker = await anybody(sandbox)
  group.add(worker)
  group.limit(LIMIT_BYTES)
  return { server, worker }
}

const PLACINGS: readonly (readonly [string, Placing])[] = [
  ['started in the group', born],
  ['moved into it', moved],
  ['one worker in it', workerAlone],
]

const anybody = async (sandbox: Sandbox): Promise<number> => (await sandbox.workerPids())[0] ?? 0

/** Asks until the answer comes from the worker that is to take too much. */
async function overfill(sandbox: Sandbox, group: MemoryGroup, worker: number): Promise<void> {
  const before = group.kills
  await until('a worker was killed for want of memory', async () => {
    const asked = sandbox.get(`/leak-in?pid=${worker}&mb=${LEAK_MIB}`, 10_000)
    await asked.then((answer) => answer.text()).catch(() => {})
    return group.kills > before
  })
}

async function expectTold(sandbox: Sandbox, verdict: Verdict, name: string, server: Program): Promise<void> {
  await until('the death is told', () => /ended|died|killed|memory/.test(server.stderr), 5000).catch(() => {})
  const kinds = (await sandbox.events()).flatMap((event) =>
    event.type === 'worker-exited' ? [event.reason.kind] : [],
  )
  verdict.expect(kinds.join() === 'oom', `${name}: the events say ${kinds.join() || 'nothing'}`)
  verdict.expect(/memory/.test(server.stderr), `${name}: the log says\n${server.stderr}`)
}

const S42: BlackBoxScenario = {
  id: 'S42',
  title: 'OOM kill by a control group',
  unavailable: () => MemoryGroup.unavailable(),
  async run(sandbox, verdict) {
    for (const [name, place] of PLACINGS) {
      const group = groupFor(sandbox)
      const { server, worker } = await place(sandbox, group)
      await overfill(sandbox, group, worker)
      const ms = await timeUntil(async () => {
        const { readyWorkers, workers = [] } = (await sandbox.status()) ?? {}
        return readyWorkers === 2 && !workers.some(({ pid }) => pid === worker)
      }, 10_000)
      verdict.expect(ms <= 2000, `${name}: replaced after ${Math.round(ms)} ms`)
      await expectTold(sandbox, verdict, name, server)
      verdict.figure(`${name}: replaced after ${Math.round(ms)} ms`)
      server.kill('SIGTERM')
      await server.exited()
    }
  },
}

export const MEMORY: readonly BlackBoxScenario[] = [S19, S42]
