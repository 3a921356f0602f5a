import { readFile } from 'node:fs/promises'
import { type ControlClient, ManagerError, type ManagerStatus, type RequestsStatus } from '@rip/manager'

/** What one look at an instance found. */
export interface Sample {
  /** On the monotonic clock. */
  readonly atMs: number
  /** Milliseconds since the epoch. */
  readonly wallMs: number
  readonly status: ManagerStatus
  /** `undefined` for an instance that cannot tell. */
  readonly requests: RequestsStatus | undefined
  /** Time of a processor that each process has used, by its pid; only where Linux is there to tell. */
  readonly processorMs: ReadonlyMap<number, number>
}

/** Clock ticks are told in this unit on every platform of Linux (`man 5 proc`). */
const MS_PER_TICK = 10
/** A start command may start others; no tree of processes is looked through further. */
const MAX_CHILDREN = 200

/** What the instance says of itself now. @throws ManagerError when it does not */
export async function takeSample(client: ControlClient, signal: AbortSignal): Promise<Sample> {
  const [status, requests] = await Promise.all([
    client.status({ signal }),
    client.requests({ signal }).catch(unlessRefused),
  ])
  const [atMs, wallMs] = [performance.now(), Date.now()]
  return { atMs, wallMs, status, requests, processorMs: await processorTimes(status) }
}

/** An instance of a release that does not know the question. */
function unlessRefused(error: unknown): undefined {
  if (error instanceof ManagerError && error.code === 'CONTROL_REFUSED') return undefined
  throw error
}

/** Of the manager, of balancers, and of workers with what they have started. */
async function processorTimes(status: ManagerStatus): Promise<ReadonlyMap<number, number>> {
  const isCommand = status.configuration?.values['command'] !== undefined
  const workers = status.workers.map(({ pid }) => pid)
  const background = status.background.flatMap(({ pid }) => pid ?? [])
  const others = [status.pid, ...(status.traffic?.balancers ?? []), ...background]
  const times = await Promise.all([
    ...workers.map(async (pid) => [pid, await (isCommand ? treeTime(pid) : ownTime(pid))] as const),
    ...others.map(async (pid) => [pid, await ownTime(pid)] as const),
  ])
  return new Map(times.flatMap(([pid, ms]) => (ms === undefined ? [] : [[pid, ms] as const])))
}

async function ownTime(pid: number): Promise<number | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may have spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
  } catch {
    // The process has ended, or this is not Linux.
    return undefined
  }
}

/** Of an application that is run by its command: the worker process only starts it. */
async function treeTime(pid: number): Promise<number | undefined> {
  const pids = [pid]
  for (let at = 0; at < pids.length && pids.length < MAX_CHILDREN; at++)
    pids.push(...(await childrenOf(pids[at]!)))
  const times = await Promise.all(pids.map(ownTime))
  const [own] = times
  return own === undefined ? undefined : times.reduce<number>((sum, ms) => sum + (ms ?? 0), 0)
}

async function childrenOf(pid: number): Promise<number[]> {
  try {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  } catch {
    // The kernel does not tell, or the process has ended.
    return []
  }
}
