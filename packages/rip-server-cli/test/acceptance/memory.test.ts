import { expect } from 'bun:test'
import type { ManagerEvent } from '@rip/manager'
import { descendantsOf, type Program, type ReleaseSandbox, timeUntil, until } from '@rip/testing'
import { expectWithin, figure, long } from './scenario.ts'
import { expectNothingFailed } from './expect-nothing-failed.ts'
import { MemoryGroup } from './memory-group.ts'

const MIB = 1_048_576
const WORKERS = 4
/** Factor for the memory that a generation may take while the previous one is still alive. */
const HEADROOM = 1.3

/** A group that is removed when the processes of the sandbox have gone. */
function groupFor(sandbox: ReleaseSandbox): MemoryGroup {
  const group = MemoryGroup.create()
  sandbox.defer(() => group.remove())
  return group
}

long(
  'a reload on a host with little memory loses no request and says that memory was scarce',
  async (sandbox) => {
    const group = groupFor(sandbox)
    const server = await sandbox.serve({ workers: WORKERS, wrapper: group.wrapper })
    await (await sandbox.get('/')).text()
    await Bun.sleep(2500)
    const restBytes = group.usedBytes
    group.limit(HEADROOM * restBytes)
    const load = sandbox.startLoad({ ratePerSecond: 50 })
    sandbox.deploy('r1')
    const { code, stderr, tookMs } = await sandbox.reload()
    expect(code, `the reload ended with ${code}: ${stderr.trim()}`).toBe(0)
    const whole = await timeUntil(async () => {
      const { readyWorkers = 0, workers = [] } = (await sandbox.status()) ?? {}
      return readyWorkers === WORKERS && workers.length === WORKERS
    }, 30_000)
    expect(whole, `not all workers are there again:\n${server.stderr}`).toBeFinite()
    expectNothingFailed(await load.stop())
    expect(await sandbox.version(), 'the new release does not serve').toBe('r1')
    expect(group.kills, `${group.kills} processes were killed for want of memory`).toBe(0)
    expect(server.stderr, `it does not say that memory was scarce:\n${server.stderr}`).toMatch(/memory/)
    figure(
      `${Math.round(restBytes / MIB)} MiB at rest, limit ${Math.round((HEADROOM * restBytes) / MIB)} MiB`,
    )
    figure(`reload took ${Math.round(tookMs)} ms, 0 OOM kills`)
  },
  () => MemoryGroup.unavailable(),
)

/** No room for any process more, and no second worker that could leave. */
const NO_HEADROOM = 1.08

long(
  'a reload for which there is no memory at all costs what serves nothing, and says why it was refused',
  async (sandbox) => {
    const group = groupFor(sandbox)
    const server = await sandbox.serve({ workers: 1, wrapper: group.wrapper })
    const before = await sandbox.version()
    await Bun.sleep(2500)
    const workers = await sandbox.workerPids()
    group.limit(NO_HEADROOM * group.usedBytes)
    sandbox.deploy('r1')
    const { code, stderr } = await sandbox.reload()
    expect(server.running, `the server has ended:\n${server.stderr}`).toBe(true)
    expect(group.kills, 'there was memory enough').toBeGreaterThan(0)
    expect(code, `the reload ended with ${code}: ${stderr}`).toBe(8)
    expect(stderr).toMatch(/for want of memory: raise the memory limit/)
    expect(await sandbox.version()).toBe(before)
    expect(await sandbox.workerPids(), `other workers serve:\n${server.stderr}`).toEqual(workers)
    figure(`refused after ${group.kills} OOM kills, none of them of what serves`)
  },
  () => MemoryGroup.unavailable(),
)

/** How the process that will take too much memory gets into a group with a limit. */
type Placing = (sandbox: ReleaseSandbox, group: MemoryGroup) => Promise<{ server: Program; worker: number }>

const LIMIT_BYTES = 600 * MIB
/** More memory than the limit allows. */
const LEAK_MIB = 800

const born: Placing = async (sandbox, group) => {
  group.limit(LIMIT_BYTES)
  const server = await sandbox.serve({ workers: 2, wrapper: group.wrapper })
  return { server, worker: await anybody(sandbox) }
}

const moved: Placing = async (sandbox, group) => {
  const server = await sandbox.serve({ workers: 2 })
  for (const pid of [server.pid, ...descendantsOf(server.pid)]) group.add(pid)
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

const anybody = async (sandbox: ReleaseSandbox): Promise<number> => (await sandbox.workerPids())[0] ?? 0

/** Sends requests until the answer comes from the worker that is to take too much. */
async function overfill(sandbox: ReleaseSandbox, group: MemoryGroup, worker: number): Promise<void> {
  const before = group.kills
  await until('a worker was killed for want of memory', async () => {
    const asked = sandbox.get(`/leak-in?pid=${worker}&mb=${LEAK_MIB}`, 10_000)
    await asked.then((answer) => answer.text()).catch(() => {})
    return group.kills > before
  })
}

/** All events so far, from the control socket. */
async function eventsOf(sandbox: ReleaseSandbox): Promise<ManagerEvent[]> {
  const answer = await fetch('http://control/events?since=0&follow=0', { unix: sandbox.control() })
  const lines = (await answer.text()).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as ManagerEvent)
}

async function expectTold(sandbox: ReleaseSandbox, name: string, server: Program): Promise<void> {
  await until('the death is told', () => /ended|died|killed|memory/.test(server.stderr), 5000).catch(() => {})
  const kinds = (await eventsOf(sandbox)).flatMap((event) =>
    event.type === 'worker-exited' ? [event.reason.kind] : [],
  )
  expect(kinds.join(), `${name}: the events say ${kinds.join() || 'nothing'}`).toBe('oom')
  expect(server.stderr, `${name}: the log says\n${server.stderr}`).toMatch(/memory/)
}

long(
  'a worker that the kernel kills for want of memory is replaced, and its reason told',
  async (sandbox) => {
    for (const [name, place] of PLACINGS) {
      const group = groupFor(sandbox)
      const { server, worker } = await place(sandbox, group)
      await overfill(sandbox, group, worker)
      const ms = await timeUntil(async () => {
        const { readyWorkers, workers = [] } = (await sandbox.status()) ?? {}
        return readyWorkers === 2 && !workers.some(({ pid }) => pid === worker)
      }, 10_000)
      expectWithin(2000, ms, `${name}: replaced after ${Math.round(ms)} ms`)
      await expectTold(sandbox, name, server)
      figure(`${name}: replaced after ${Math.round(ms)} ms`)
      server.kill('SIGTERM')
      await server.exited()
    }
  },
  () => MemoryGroup.unavailable(),
)
