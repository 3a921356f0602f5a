import {
  type AnswerRates,
  type BackgroundStatus,
  type BalancerIntroduction,
  type ControlClient,
  type ExitReason,
  type Instance,
  ManagerError,
  type ManagerStatus,
  type RequestFailure,
  type RequestsStatus,
  type ServedCertificate,
  type WorkerStatus,
} from '@rip/manager'
import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import { RequestLog } from '../instance/request-log.ts'
import { type Invocation, isOn } from '../invocation.ts'
import {
  exitReasonText,
  lastWords,
  refusalText,
  shortGeneration,
  verdictText,
} from '../terminal/event-line.ts'
import { bytesText, durationText, latencyText } from '../terminal/quantity-text.ts'
import { commandText, type Settings } from '@rip/server/settings'
import { untilText } from '@rip/server/sources'
import { UNFROZEN } from '../terminal/ready-block.ts'
import { type ExplainedFailure, failuresTable, failureText, routesTable } from '../terminal/request-tables.ts'
import { table } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** Prints the status of an instance, with `--quiet` only as the exit code: 1 when fewer workers serve than wanted. */
export async function status(invocation: Invocation): Promise<number> {
  const { instance, client, snapshot } = await findInstance(invocation, invocation.line.words[0])
  const balancers = await client.balancers()
  const showsRoutes = isOn(invocation, 'routes')
  const known = await knownRequests(client)
  const requests = showsRoutes && known !== undefined ? await explained(known, instance) : known
  const { terminal, cwd } = invocation
  if (isOn(invocation, 'json')) {
    const facts = { url: instance.url, ...snapshot, balancers, ...(showsRoutes && { requests }) }
    terminal.data(JSON.stringify(facts, null, 2))
  } else if (!isOn(invocation, 'quiet')) {
    terminal.data(statusText(instance, snapshot, terminal, balancers, requests))
    if (showsRoutes && requests !== undefined) terminal.data(requestTables(requests, cwd))
  }
  return isWell(snapshot) ? ExitCode.done : ExitCode.failed
}

/** What the balancers know of requests; `undefined` for an instance of a release that cannot tell. */
export async function knownRequests(client: ControlClient): Promise<RequestsStatus | undefined> {
  try {
    return await client.requests()
  } catch (error) {
    if (error instanceof ManagerError && error.code === 'CONTROL_REFUSED') return undefined
    throw error
  }
}

type ExplainedRequests = RequestsStatus & { readonly failures: readonly ExplainedFailure[] }

/** With what the log says of the failures. */
async function explained(requests: RequestsStatus, { runDir }: Instance): Promise<ExplainedRequests> {
  const { failures } = requests
  if (failures.length === 0) return requests
  const log = await RequestLog.read(runDir)
  const withReasons = failures.map((failure) => {
    const exception = log.exceptionOf(failure.requestId)
    return { ...failure, ...(exception !== undefined && { exception }) }
  })
  return { ...requests, failures: withReasons }
}

function requestTables({ routes, failures }: ExplainedRequests, cwd: string): string {
  const latest = failuresTable(failures, Date.now(), cwd)
  return ['', ...routesTable(routes), ...(latest.length === 0 ? [] : ['', ...latest])].join('\n')
}

/** The status as text: facts, workers, and the last refusal if there is one. */
export function statusText(
  { url }: Instance,
  snapshot: ManagerStatus,
  terminal: Terminal,
  balancers: readonly BalancerIntroduction[] = [],
  requests?: RequestsStatus,
): string {
  const facts = [
    ['name', `${snapshot.name}, process ${snapshot.pid}`],
    ['url', url ?? 'none'],
    ...balancers.map(({ pid, listening = '' }) => ['balancer', `${listening}, process ${pid}`]),
    ['health', healthText(snapshot, terminal)],
    ...(snapshot.crashes === null ? [] : [['crashes', crashText(snapshot.crashes, Date.now())]]),
    ...(snapshot.certificates ?? []).map((each) => ['certificate', certificateText(each, Date.now())]),
    ['app', snapshot.root],
    ...commandFacts(snapshot),
    ['code', codeText(snapshot)],
    ...diskFacts(snapshot, terminal),
    ...(snapshot.wantedWorkers > 0
      ? [['workers', `${snapshot.readyWorkers} of ${snapshot.wantedWorkers} ready`]]
      : []),
    ...snapshot.background.map((each) => ['background', backgroundText(each, Date.now())]),
    ...(snapshot.configuration?.pending ?? []).map((text) => ['changed', text]),
    [
      'releases',
      `${Math.max(0, snapshot.reloads.admitted - 1)} served since the start, ${snapshot.reloads.refused} refused`,
    ],
    ...messagesFact(snapshot),
    ...requestFacts(requests, Date.now()),
    ['watching', snapshot.watching ? 'yes' : 'no'],
    ['up', durationText(Date.now() - snapshot.startedAtMs)],
  ]
  const { lastRefusal, generation: serving } = snapshot
  const refusal = lastRefusal === null ? [] : ['', refusalText(lastRefusal, { terminal, serving })]
  const answers = answersTable(snapshot)
  const rates = answers.length === 0 ? [] : ['', ...answers]
  const background = backgroundTable(snapshot.background)
  const processes = [
    ...(snapshot.workers.length === 0 ? [] : ['', ...workersTable(snapshot.workers)]),
    ...(background.length === 0 ? [] : ['', ...background]),
  ]
  const crash = crashLines(snapshot)
  return [...table(facts), ...processes, ...rates, ...crash, ...refusal].join('\n')
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

/** One row per program that works in the background. */
export function backgroundTable(background: readonly BackgroundStatus[]): string[] {
  if (background.length === 0) return []
  const head = ['background', 'pid', 'state', 'code', 'restarts', 'memory', 'lag']
  const rows = background.map(({ name, pid, state, generation, restarts, rssBytes, loopLagMs }) => [
    name,
    pid === null ? '-' : String(pid),
    state,
    generation === null ? '-' : shortGeneration(generation),
    String(restarts),
    bytesText(rssBytes),
    durationText(loopLagMs),
  ])
  return table([head, ...rows])
}

/** What it does, and how it ended if it did by itself. */
function backgroundText({ name, state, crashes }: BackgroundStatus, nowMs: number): string {
  if (crashes === null) return `${name} ${state}`
  const { count, reason, atMs, nextStartAtMs } = crashes
  const last = `${exitReasonText(reason)} ${durationText(Math.max(0, nowMs - atMs))} ago`
  const next =
    nextStartAtMs === null ? '' : `; next start in ${durationText(Math.max(0, nextStartAtMs - nowMs))}`
  return `${name} ${state}; ${count === 1 ? last : `ended ${count} times lately, the last time it ${last}`}${next}`
}

/** Answers of the last minute: a row for each generation that has given some, and for each worker. */
export function answersTable({ answers, workers }: Pick<ManagerStatus, 'answers' | 'workers'>): string[] {
  if (answers === undefined) return []
  const rows = [
    ...answers
      .filter(({ requests }) => requests > 0)
      .map((each) => [shortGeneration(each.generation), ...ratesCells(each)]),
    ...workers.flatMap(({ slot, incarnation, answers: own }) =>
      own === undefined ? [] : [[`w${slot}.${incarnation}`, ...ratesCells(own)]],
    ),
  ]
  const head = ['last minute', 'requests', 'per s', '2xx', '3xx', '4xx', '5xx', 'failed', 'p50', 'p95', 'p99']
  return rows.length === 0 ? [] : table([head, ...rows])
}

function ratesCells({ requests, perSecond, statuses, failed, p50Ms, p95Ms, p99Ms }: AnswerRates): string[] {
  const counts = [statuses['2xx'], statuses['3xx'], statuses['4xx'], statuses['5xx'], failed]
  return [
    String(requests),
    perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond)),
    ...counts.map(String),
    ...[p50Ms, p95Ms, p99Ms].map((ms) => (ms === null ? '-' : latencyText(ms))),
  ]
}

/** What the processes there are have published; nothing of applications that publish nothing. */
function messagesFact({ workers, background }: ManagerStatus): string[][] {
  const all = [...workers, ...background]
  const sum = (figure: 'published' | 'delivered' | 'dropped'): number =>
    all.reduce((total, each) => total + each[figure], 0)
  if (sum('published') + sum('delivered') === 0) return []
  const text = `${sum('published')} published, ${sum('delivered')} delivered to other processes, ${sum('dropped')} dropped`
  return [['messages', text]]
}

/** A faster route is of no interest to an operator who looks for slow ones. */
const SLOW_MS = 250
const LATEST_MS = 600_000

/** The slowest route, and the latest failure. */
function requestFacts(requests: RequestsStatus | undefined, nowMs: number): string[][] {
  if (requests === undefined) return []
  const [slowest] = requests.routes.toSorted((a, b) => (b.p95Ms ?? 0) - (a.p95Ms ?? 0))
  const [latest] = requests.failures
  return [
    ...waitingFact(requests),
    ...(slowest === undefined || (slowest.p95Ms ?? 0) < SLOW_MS
      ? []
      : [['slowest', `${slowest.route}, p95 ${latencyText(slowest.p95Ms ?? 0)} (more: status --routes)`]]),
    ...(latest === undefined || nowMs - latest.atMs > LATEST_MS
      ? []
      : [
          [
            'failed',
            `${latestText(latest)} ${durationText(Math.max(0, nowMs - latest.atMs))} ago (more: status --routes)`,
          ],
        ]),
  ]
}

/** Requests that no worker has taken yet. */
function waitingFact({ underWay }: RequestsStatus): string[][] {
  const waiting = underWay.filter(({ phase }) => phase === 'queued')
  const [oldest] = waiting
  if (oldest === undefined) return []
  const who = waiting.length === 1 ? '1 request waits' : `${waiting.length} requests wait`
  return [
    [
      'waiting',
      `${who} for a worker, the oldest for ${durationText(oldest.ageMs)} (which are in the way: inspect)`,
    ],
  ]
}

function latestText(failure: RequestFailure): string {
  return `${failure.method} ${failure.path} with ${failureText(failure)}`
}

function certificateText({ file, names, expiresAtMs }: ServedCertificate, nowMs: number): string {
  return `${names.join(', ') || 'for no host'}, ${untilText(expiresAtMs, nowMs)} (${file})`
}

function healthText(snapshot: ManagerStatus, terminal: Terminal): string {
  const { health, healthReasons } = snapshot
  const shown = isHealthy(snapshot) ? terminal.good(health) : terminal.bad(health)
  return healthReasons.length === 0 ? shown : `${shown}: ${healthReasons.join('; ')}`
}

/** How often a worker crashed, why the last time, and what comes next. */
function crashText(
  { count, slot, reason, atMs, nextStartAtMs }: NonNullable<ManagerStatus['crashes']>,
  nowMs: number,
): string {
  const ago = `${durationText(Math.max(0, nowMs - atMs))} ago`
  const last = `worker ${slot} ${exitReasonText(reason)} ${ago}`
  const next =
    nextStartAtMs === null ? '' : `; next start in ${durationText(Math.max(0, nextStartAtMs - nowMs))}`
  return count === 1 ? `${last}${next}` : `${count} lately; the last: ${last}${next}`
}

/** What the worker that crashed last wrote before, and the same for each background process. */
function crashLines({ crashes, background }: ManagerStatus): string[] {
  const worker = crashes === null ? [] : crashBlock(`worker ${crashes.slot}`, crashes.reason)
  return [
    ...worker,
    ...background.flatMap(({ name, crashes: end }) => (end === null ? [] : crashBlock(name, end.reason))),
  ]
}

function crashBlock(who: string, reason: ExitReason): string[] {
  const lines = lastWords(reason)
  return lines.length === 0 ? [] : ['', `${who} wrote before it crashed`, ...lines.map((line) => `  ${line}`)]
}

/** How it is run, and what cannot be kept then. */
function commandFacts({ configuration }: ManagerStatus): string[][] {
  const command = (configuration?.values as Partial<Settings> | undefined)?.command
  return command === undefined ? [] : [['command', `${commandText(command)} (${UNFROZEN})`]]
}

function codeText({ generation, previousGeneration, held }: ManagerStatus): string {
  const before = previousGeneration === null ? '' : ` (previous ${shortGeneration(previousGeneration)})`
  return `${shortGeneration(generation)}${before}${held ? ', held' : ''}`
}

/** The content on disk, if it is not what serves, and why it does not serve. */
function diskFacts({ disk, generation, condemned }: ManagerStatus, terminal: Terminal): string[][] {
  if (condemned !== null) return [['', terminal.bad(`serves although it was ${verdictText(condemned)}`)]]
  if (disk === null || disk.generation === generation) return []
  const seen = `${shortGeneration(disk.generation)}, as looked at ${durationText(Date.now() - disk.atMs)} ago`
  if (disk.verdict === null) return [['on disk', seen]]
  const text = `${shortGeneration(disk.generation)}, ${verdictText(disk.verdict)}; no start or reload serves it without --force`
  return [['on disk', terminal.bad(text)]]
}

/** False also for an instance that serves condemned code, or would have to after its next start. */
function isWell({ health, condemned, disk }: ManagerStatus): boolean {
  if (condemned !== null || (disk !== null && disk.verdict !== null)) return false
  return isHealthy({ health })
}

function isHealthy({ health }: Pick<ManagerStatus, 'health'>): boolean {
  return health === 'ok' || health === 'held'
}
