import { basename } from 'node:path'
import type {
  ChangedContent,
  BootFailure,
  ConfigurationChange,
  ExitReason,
  ManagerEvent,
  ManagerStatus,
  Refusal,
  Verdict,
} from '@rip/manager'
import { refusalDetail, refusalMessage } from '@rip/server/text'
import { CONTINUED_INDENT, folded } from './folded.ts'
import { bytesText, durationText } from './quantity-text.ts'
import { fitting, fittingFrame } from './fitting.ts'
import type { Terminal } from './terminal.ts'

/** Generations are shown as long as a short commit id. */
const SHOWN_GENERATION_CHARS = 7

export interface EventLineOptions {
  readonly terminal: Terminal
  /** Whether to print events that only help to look for a fault, too. */
  readonly verbose: boolean
  /** Generation that serves at the moment. */
  readonly serving: string | null
  /** Columns there are for a line, if it is shown to somebody. @default as many as are needed */
  readonly columns?: number | undefined
  /** Whether the code that serves is on disk again, after other code was refused. @default false */
  readonly isRepair?: boolean
}

export function shortGeneration(generation: string | null): string {
  return generation === null ? 'nothing' : generation.slice(0, SHOWN_GENERATION_CHARS)
}

/** The line that an operator reads about an event; `undefined` when it went as planned and tells nothing new. */
export function eventLine(event: ManagerEvent, options: EventLineOptions): string | undefined {
  const { terminal, verbose } = options
  switch (event.type) {
    case 'generation-cut':
      return event.previous === null ? undefined : cutLine(event, options)
    case 'surge-limited':
      return surgeLine(event)
    case 'generation-refused':
      return refusalText(event.refusal, options)
    case 'generation-unchanged':
      return unchangedLine(event, options)
    case 'worker-exited':
      return exitLine(event, terminal, verbose)
    case 'background-exited':
      return backgroundExitLine(event, terminal, verbose)
    case 'generation-suspected':
      return suspicionLine(event)
    case 'generation-cleared':
      return `${shortGeneration(event.generation)} fails no more often than the code before; it gets all requests again`
    case 'rolled-back':
      return `${terminal.bad('✗')} ${shortGeneration(event.from)} taken back, ${shortGeneration(event.to)} serves again: ${event.reason}`
    case 'condemned-found':
      return foundLine(event, terminal)
    case 'configured':
      return configurationLines(event).join('\n')
    case 'scaled':
      return `${event.workers} ${event.workers === 1 ? 'worker' : 'workers'} wanted`
    case 'held':
      return 'held: changes on disk wait for "rip-server resume"'
    case 'resumed':
      return 'resumed: changes on disk are taken up again'
    case 'health':
      return healthLine(event, terminal)
    case 'service-exited':
      return `${terminal.bad(event.service)} ended (${event.status}); starts again in ${durationText(event.respawnInMs)}`
    case 'warning':
      return `${terminal.bad('warning')} ${event.message}`
    case 'stopping':
      return terminal.faint(stoppingText(event.delayMs, terminal.interactive))
    case 'worker-started':
    case 'worker-ready':
    case 'worker-uncaught':
    case 'background-started':
    case 'background-working':
    case 'service-ready':
    // The balancer says so itself.
    case 'certificate-refused':
    case 'certificate-replaced':
    case 'generation-building':
    case 'generation-verified':
    case 'generation-retired':
      return verbose ? terminal.faint(plainEvent(event)) : undefined
    case 'starting':
    case 'ready':
    case 'stopped':
      return undefined
  }
}

/** Any event as one line of plain words, for `rip-server events`. */
export function plainEvent(event: ManagerEvent): string {
  const { seq: _seq, atMs: _atMs, type, ...rest } = event
  const facts = Object.entries(rest).map(([key, value]) => `${key}=${plainValue(key, value)}`)
  return [type, ...facts].join(' ')
}

function plainValue(key: string, value: unknown): string {
  if (typeof value === 'string') {
    return /generation|previous|^from$|^to$|^instead$/.test(key)
      ? shortGeneration(value)
      : JSON.stringify(value)
  }
  if (key.endsWith('AtMs')) return new Date(value as number).toISOString()
  if (key.endsWith('Ms')) return String(Math.round(value as number))
  if (key === 'failure') return JSON.stringify((value as BootFailure).message)
  if (key === 'refusal') return JSON.stringify((value as Refusal).message)
  if (key === 'changed') return JSON.stringify(filesText(value as ChangedContent))
  if (key === 'reason') return JSON.stringify(exitReasonText(value as ExitReason))
  return JSON.stringify(value)
}

function unchangedLine(
  { generation }: Extract<ManagerEvent, { type: 'generation-unchanged' }>,
  { terminal, isRepair = false }: EventLineOptions,
): string {
  const name = shortGeneration(generation)
  if (isRepair) return `${terminal.good('✓')} what is on disk is ${name} again, which serves`
  return terminal.faint(`${name} serves already; nothing changed on disk`)
}

/** What was saved, what came of it, and how long that took: as much as there is room for. */
function cutLine(
  event: Extract<ManagerEvent, { type: 'generation-cut' }>,
  { terminal, columns }: EventLineOptions,
): string {
  const { previous, generation, tookMs, changed, buildMs, bootMs, modules } = event
  const served = `→ ${shortGeneration(generation)} in ${durationText(tookMs)}`
  const line = (what: string, details: readonly string[]): string => {
    const why = details.length === 0 ? '' : ` ${terminal.faint(`(${details.join(', ')})`)}`
    return `${terminal.good('✓')} ${what} ${served}${why}`
  }
  const times = [
    ...(buildMs === undefined ? [] : [`built ${durationText(buildMs)}`]),
    ...(bootMs === undefined ? [] : [`booted ${durationText(bootMs)}`]),
  ]
  const reused = modules === undefined ? [] : [`${modules.reused} of ${modules.total} modules reused`]
  if (changed === undefined) return line(shortGeneration(previous), [])
  const [path = ''] = changed.paths
  const all = filesText(changed)
  const short = filesText({ ...changed, paths: [basename(path)] })
  return fitting(
    [line(all, [...times, ...reused]), line(all, times), line(short, times), line(all, []), line(short, [])],
    columns,
  )
}

function filesText({ paths: [path = ''], count }: ChangedContent): string {
  return count === 1 ? path : `${path} + ${count - 1} more`
}

/** The line about a start that serves other code than that on disk, or condemned code. */
function foundLine(event: Extract<ManagerEvent, { type: 'condemned-found' }>, terminal: Terminal): string {
  const { generation, instead } = event
  const found = `the code on disk, ${shortGeneration(generation)}, was ${verdictText(event)}`
  const next =
    instead === null
      ? 'no copy of good code is kept, so it is served anyway'
      : `${shortGeneration(instead)}, the last good code, is served in its place`
  return `${terminal.bad('warning')} ${found}; ${next}. Put other code on disk and run "rip-server reload"`
}

/** What is wrong with the code that serves or the code on disk; `undefined` when nothing is. */
export function condemnedText(
  status: Pick<ManagerStatus, 'disk' | 'condemned' | 'generation'>,
): string | undefined {
  const { disk, condemned, generation } = status
  if (condemned !== null)
    return `${shortGeneration(generation)} serves although it was ${verdictText(condemned)}`
  if (disk === null || disk.verdict === null) return undefined
  const found = `${shortGeneration(disk.generation)} on disk was ${verdictText(disk.verdict)}`
  return `${found}; ${shortGeneration(generation)} serves instead`
}

/** What happened to condemned content, and why. */
export function verdictText({ by, reason }: Pick<Verdict, 'by' | 'reason'>): string {
  return by === 'server' ? `taken back: ${reason}` : `rolled back by an operator: ${reason}`
}

/** What changed with a configuration, a line for each setting. */
export function configurationLines(change: ConfigurationChange | undefined): readonly string[] {
  return [...(change?.applied ?? []), ...(change?.pending ?? [])].map((text) => `configuration: ${text}`)
}

/** @param interactive whether Ctrl-C means something where it is read */
function stoppingText(delayMs: number | undefined, interactive: boolean): string {
  const what = delayMs === undefined ? 'finishing' : `serving on for ${durationText(delayMs)}, then finishing`
  return `stopping: ${what} the requests under way${interactive ? ' (Ctrl-C again to stop now)' : ''}`
}

/** What was limited because of a suspicion, and why. */
function suspicionLine(event: Extract<ManagerEvent, { type: 'generation-suspected' }>): string {
  const { generation, previous, errors, requests } = event
  return (
    `${errors} of ${requests} answers of ${shortGeneration(generation)} failed; ` +
    `half of the requests go to ${shortGeneration(previous)} until it is clear whether the code is to blame`
  )
}

function surgeLine(event: Extract<ManagerEvent, { type: 'surge-limited' }>): string {
  const { generation, ready, wanted, availableBytes, workerBytes, growthBytes } = event
  const rest = ready < wanted ? ', the others start as those before leave' : ''
  const growth = growthBytes === undefined ? '' : `, what runs may grow by ${bytesText(growthBytes)}`
  const reason = `${bytesText(availableBytes)} of memory are left${growth} and a worker takes ${bytesText(workerBytes)}`
  return `${shortGeneration(generation)} takes over with ${ready} of ${wanted} workers${rest}; no code stands by for a rollback: ${reason}`
}

/** A refused generation with its reason and, where known, the code frame. */
export function refusalText(
  refusal: Refusal,
  { terminal, serving, columns }: Pick<EventLineOptions, 'terminal' | 'serving' | 'columns'>,
): string {
  const serves = serving === null ? '' : `; still serving ${shortGeneration(serving)}`
  const what = refusal.code === 'rolled-back' ? 'taken back' : 'refused'
  const whole = `${terminal.bad('✗')} ${shortGeneration(refusal.generation)} ${what}${serves}: ${refusalMessage(refusal)}`
  const head = folded(whole, columns, CONTINUED_INDENT)
  const detail = fittingFrame(refusalDetail(refusal), columns)
  return detail === '' ? head : `${head}\n\n${detail}\n`
}

function exitLine(
  event: Extract<ManagerEvent, { type: 'worker-exited' }>,
  terminal: Terminal,
  verbose: boolean,
): string | undefined {
  const who = `worker ${event.slot} (${event.pid})`
  const planned = isPlanned(event.reason)
  if (planned && event.reason.kind !== 'recycled' && !verbose) return undefined
  const text = `${who} ${exitText(event)}`
  if (planned) return terminal.faint(text)
  const next = event.respawnInMs === undefined ? '' : respawnText(event.respawnInMs)
  return `${terminal.bad('✗')} ${text}${next}${lastWordsText(event.reason)}`
}

function backgroundExitLine(
  event: Extract<ManagerEvent, { type: 'background-exited' }>,
  terminal: Terminal,
  verbose: boolean,
): string | undefined {
  const { name, pid, reason, uptimeMs, respawnInMs } = event
  const planned = isPlanned(reason)
  if (planned && !verbose) return undefined
  const text = `${name} (${pid}) ${exitReasonText(reason)} after ${durationText(uptimeMs)}`
  if (planned) return terminal.faint(text)
  const next = respawnInMs === undefined ? '' : respawnText(respawnInMs)
  return `${terminal.bad('✗')} ${text}${next}${lastWordsText(reason)}`
}

/** A message that ends a sentence stands at its end. */
function exitText(event: Extract<ManagerEvent, { type: 'worker-exited' }>): string {
  const { reason } = event
  if (reason.kind === 'boot-failed') return `did not start, ${serviceText(event)}: ${reason.failure.message}`
  return `${exitReasonText(reason)} ${serviceText(event)}`
}

/** A worker reports its requests once a second, so a count of zero is not reliable. */
function serviceText({ uptimeMs, requests }: Extract<ManagerEvent, { type: 'worker-exited' }>): string {
  const counted = requests === 0 ? '' : ` and ${requests} ${requests === 1 ? 'request' : 'requests'}`
  return `after ${durationText(uptimeMs)}${counted}`
}

function isPlanned({ kind, ...reason }: ExitReason): boolean {
  if (kind === 'killed') return 'reason' in reason && reason.reason !== 'drain-deadline'
  return kind === 'drained' || kind === 'recycled'
}

function respawnText(respawnInMs: number): string {
  return respawnInMs === 0 ? '; replaced at once' : `; next start in ${durationText(respawnInMs)}`
}

function lastWordsText(reason: ExitReason): string {
  return lastWords(reason)
    .map((line) => `\n    ${line}`)
    .join('')
}

/** The last lines that a crashed process wrote to its standard error. */
export function lastWords(reason: ExitReason): string[] {
  const text = reason.kind === 'crashed' ? reason.stderr.trimEnd() : ''
  return text === '' ? [] : text.split('\n').slice(-8)
}

/** The innermost frame of a stack. */
function placeOf(stack: string | undefined): string {
  return stack === undefined ? '' : ` ${stack.split('\n', 1)[0]!.trim()}`
}

/** Why a worker ended, as the rest of a sentence that starts with the worker. */
export function exitReasonText(reason: ExitReason): string {
  switch (reason.kind) {
    case 'drained':
      return 'left'
    case 'recycled':
      return `was recycled (${reason.reason})`
    case 'crashed':
      return reason.signal === null ? `crashed with code ${reason.code}` : `crashed by ${reason.signal}`
    case 'oom':
      return 'was killed for lack of memory'
    case 'boot-timeout':
      return `was not ready within ${durationText(reason.afterMs)}`
    case 'boot-failed':
      return `did not start: ${reason.failure.message}`
    case 'stuck-loop':
      return `was killed: it blocked its event loop for ${durationText(reason.silentMs)}${placeOf(reason.stack)}`
    case 'killed':
      return `was killed (${reason.reason})`
  }
}

function healthLine(
  { health, reasons = [] }: Extract<ManagerEvent, { type: 'health' }>,
  terminal: Terminal,
): string | undefined {
  if (health === 'failing') return `${terminal.bad('failing')}: ${reasons.join('; ')}`
  if (health === 'degraded') return `${terminal.bad('degraded')}: fewer processes work than wanted`
  if (health === 'crash-loop')
    return `${terminal.bad('crash loop')}: processes keep ending; one at a time is started until one stays`
  return health === 'ok' ? terminal.good('healthy again') : undefined
}
