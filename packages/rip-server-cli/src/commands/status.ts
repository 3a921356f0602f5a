import type { BalancerIntroduction, Instance, ManagerStatus, WorkerStatus } from '@rip/manager'
import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import { type Invocation, isOn } from '../invocation.ts'
import { refusalText, shortGeneration } from '../terminal/event-line.ts'
import { bytesText, durationText } from '../terminal/quantity-text.ts'
import { table } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** Prints what runs; exit 1 when fewer workers serve than wanted. */
export async function status(invocation: Invocation): Promise<number> {
  const { instance, client, snapshot } = await findInstance(invocation, invocation.line.words[0])
  const balancers = await client.balancers()
  const { terminal } = invocation
  if (isOn(invocation, 'json'))
    terminal.data(JSON.stringify({ url: instance.url, ...snapshot, balancers }, null, 2))
  else terminal.data(statusText(instance, snapshot, terminal, balancers))
  return isWell(snapshot) ? ExitCode.done : ExitCode.failed
}

/** The snapshot for people: facts, workers, and the last refusal if there is one. */
export function statusText(
  { url }: Instance,
  snapshot: ManagerStatus,
  terminal: Terminal,
  balancers: readonly BalancerIntroduction[] = [],
): string {
  const health = isWell(snapshot) ? terminal.good(snapshot.health) : terminal.bad(snapshot.health)
  const facts = [
    ['name', `${snapshot.name}, process ${snapshot.pid}`],
    ['url', url ?? 'none'],
    ...balancers.map(({ pid, listening = '' }) => ['balancer', `${listening}, process ${pid}`]),
    ['health', health],
    ['app', snapshot.root],
    ['code', codeText(snapshot)],
    ['workers', `${snapshot.readyWorkers} of ${snapshot.wantedWorkers} ready`],
    ...(snapshot.configuration?.pending ?? []).map((text) => ['changed', text]),
    ['reloads', `${snapshot.reloads.admitted} admitted, ${snapshot.reloads.refused} refused`],
    ['watching', snapshot.watching ? 'yes' : 'no'],
    ['up', durationText(Date.now() - snapshot.startedAtMs)],
  ]
  const { lastRefusal, generation: serving } = snapshot
  const refusal = lastRefusal === null ? [] : ['', refusalText(lastRefusal, { terminal, serving })]
  return [...table(facts), '', ...workersTable(snapshot.workers), ...refusal].join('\n')
}

/** One row per worker. */
export function workersTable(workers: readonly WorkerStatus[]): string[] {
  const head = [
    'worker',
    'pid',
    'state',
    'code',
    'in flight',
    'sockets',
    'streams',
    'requests',
    'memory',
    'lag',
  ]
  const rows = workers.map((worker) => [
    `w${worker.slot}.${worker.incarnation}`,
    String(worker.pid),
    worker.state,
    shortGeneration(worker.generation),
    String(worker.inFlight),
    String(worker.webSockets),
    String(worker.eventStreams),
    String(worker.requests),
    bytesText(worker.rssBytes),
    durationText(worker.loopLagMs),
  ])
  return table([head, ...rows])
}

function codeText({ generation, previousGeneration, held }: ManagerStatus): string {
  const before = previousGeneration === null ? '' : `, before it ${shortGeneration(previousGeneration)}`
  return `${shortGeneration(generation)}${before}${held ? ', held' : ''}`
}

function isWell({ health }: ManagerStatus): boolean {
  return health === 'ok' || health === 'held'
}
