import { dirname } from 'node:path'
import type { ManagerStatus } from '@rip/manager'
import type { Mode } from '@rip/server/settings'
import { nearPath } from '@rip/server/text'
import { folded } from './folded.ts'
import { durationText } from './quantity-text.ts'
import type { Terminal } from './terminal.ts'
import { table } from './table.ts'
import { shortGeneration } from './event-line.ts'

/** Facts about a server when its first generation begins to serve. */
export interface ReadyFacts {
  readonly mode: Mode
  /** Address for clients, read back from the listening socket; absent without a balancer. */
  readonly url: string | undefined
  /** Other addresses of the same, where another process opened several sockets. */
  readonly otherUrls?: readonly string[]
  /** The same for other machines of its networks, when it listens on all addresses. */
  readonly network?: readonly LanUrl[]
  /** Whether the socket accepts connections from other machines. */
  readonly exposed: boolean
  /** Where probes and scrapers ask, and whether other machines reach that; absent where they are not to. */
  readonly ops?: { readonly url: string; readonly exposed: boolean } | undefined
  /** File the workers loaded; absent without workers. */
  readonly entry: string | undefined
  /** The start command, of an application that is run by one. */
  readonly command: string | undefined
  /** How that file was found, if the operator did not name it. */
  readonly entryFoundBy: string | undefined
  readonly concurrency: number
  /** Why changes are watched, or why they are not. */
  readonly watching: string
  readonly control: string
  readonly tookMs: number
  readonly version: string
  readonly snapshot: ManagerStatus
  readonly cwd: string
  /** Further hints, a sentence each. */
  readonly hints: readonly string[]
  /** The keys that can be pressed; absent when none are read. */
  readonly keys?: string | undefined
}

/** An address for clients in a network. */
export interface LanUrl {
  readonly url: string
  /** Name of the network interface. */
  readonly through: string
}

/** What cannot be kept of an application that we do not load. */
export const UNFROZEN = 'no snapshot: a replaced worker runs what is on disk'

/** The one block that is printed once the application serves. */
export function readyBlock(facts: ReadyFacts, terminal: Terminal): string {
  const { snapshot } = facts
  const rows = [
    ['url', urlText(facts, terminal)],
    ...(facts.otherUrls ?? []).map((url) => ['also', url]),
    ...(facts.network ?? []).map(({ url, through }) => ['network', `${url}  ${terminal.faint(through)}`]),
    ['app', entryText(facts, terminal)],
    ...(facts.command === undefined ? [] : [['command', `${facts.command}  ${terminal.faint(UNFROZEN)}`]]),
    ['workers', workersText(snapshot, facts)],
    ...(snapshot.background.length > 0 ? [['background', backgroundText(snapshot)]] : []),
    [
      'code',
      `${shortGeneration(snapshot.generation)}, ${facts.entry === undefined ? 'working' : 'serving'} after ${durationText(facts.tookMs)}`,
    ],
    ['watching', facts.watching],
    ...(facts.ops === undefined ? [] : [['ops', opsText(facts.ops, terminal)]]),
    // For programs; a developer has no use for it.
    ...(facts.keys === undefined ? [['control', facts.control]] : []),
    ...facts.hints.map((hint) => ['note', hint]),
    facts.keys !== undefined
      ? ['keys', facts.keys]
      : ['next', `rip-server status, reload, ${facts.entry === undefined ? '' : 'scale N, '}stop`],
  ]
  const title = `${terminal.strong('rip-server')} ${facts.version} ${terminal.faint(facts.mode)}`
  const indent = 4 + Math.max(...rows.map(([name = '']) => name.length))
  const lines = table(rows).map((line) => folded(`  ${line}`, terminal.columns, indent))
  return ['', `  ${title}`, '', ...lines, ''].join('\n')
}

/** The facts as one JSON object. */
export function readyJson(facts: ReadyFacts, atMs: number): string {
  const { snapshot, url = null, otherUrls = [], network = [], entry, command, mode } = facts
  const { version, control, ops, concurrency, tookMs, hints } = facts
  const { generation, readyWorkers: workers } = snapshot
  const place = entry === undefined ? 'in the background' : `on ${url ?? 'sockets of its own'}`
  const message = `${entry === undefined ? 'working' : 'serving'} after ${durationText(tookMs)} ${place}`
  return JSON.stringify({
    time: new Date(atMs).toISOString(),
    message,
    type: 'serving',
    url,
    ...(otherUrls.length > 0 && { otherUrls }),
    ...(network.length > 0 && { network: network.map((each) => each.url) }),
    app: entry ?? snapshot.root,
    ...(command !== undefined && { command }),
    ...(snapshot.background.length > 0 && { background: snapshot.background.map(({ name }) => name) }),
    mode,
    version,
    control,
    ...(ops !== undefined && { ops: ops.url }),
    generation,
    workers,
    concurrency,
    tookMs: Math.round(tookMs),
    ...(hints.length > 0 && { notes: hints }),
  })
}

function urlText({ url, entry, exposed, control }: ReadyFacts, terminal: Terminal): string {
  if (entry === undefined) return 'none: it only works in the background, and listens on no port'
  if (url === undefined)
    return `none: rip-server balancer joins; each worker has a socket in ${dirname(control)}/current`
  return exposed ? `${url}  ${terminal.faint('open to the network')}` : url
}

function opsText({ url, exposed }: NonNullable<ReadyFacts['ops']>, terminal: Terminal): string {
  const paths = `${url}  ${terminal.faint('/live, /ready, /metrics')}`
  return exposed ? `${paths}  ${terminal.faint('open to the network')}` : paths
}

function entryText({ entry, entryFoundBy, cwd, snapshot }: ReadyFacts, terminal: Terminal): string {
  if (entry === undefined) return nearPath(snapshot.root, cwd)
  const path = nearPath(entry, cwd)
  return entryFoundBy === undefined ? path : `${path}  ${terminal.faint(entryFoundBy)}`
}

function backgroundText({ background }: ManagerStatus): string {
  return background.map(({ name }) => name).join(', ')
}

function workersText(
  { readyWorkers, wantedWorkers }: ManagerStatus,
  { entry, concurrency }: Pick<ReadyFacts, 'entry' | 'concurrency'>,
): string {
  if (entry === undefined) return 'none'
  const ready =
    readyWorkers === wantedWorkers ? `${readyWorkers}` : `${readyWorkers} of ${wantedWorkers} so far`
  const requests = concurrency === 1 ? '1 request' : `${concurrency} requests`
  return `${ready}, ${requests} at once${wantedWorkers === 1 ? '' : ' each'}`
}
