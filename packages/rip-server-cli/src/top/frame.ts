import type { ManagerEvent, ManagerStatus, RequestFailure, RequestUnderWay } from '@rip/manager'
import { condemnedText, shortGeneration } from '../terminal/event-line.ts'
import { progressBar, sparkline } from '../terminal/graphs.ts'
import {
  bytesText,
  countText,
  durationText,
  latencyText,
  percentText,
  rateText,
} from '../terminal/quantity-text.ts'
import { failureText } from '../terminal/request-tables.ts'
import type { ScreenSize } from '../terminal/screen.ts'
import {
  cellsOf,
  cutLine,
  cutText,
  flow,
  line,
  oneLine,
  type LineStyle,
  padText,
  span,
  type Span,
  spread,
  type StyledLine,
  wrapText,
} from '../terminal/styled-line.ts'
import { type Figures, workerName } from './figures.ts'
import { type Data, HISTORY_MS, type Point, seriesOf } from './history.ts'
import { listLines } from './list.ts'
import {
  failureColumns,
  type Lists,
  listsOf,
  REQUEST_COLUMNS,
  requestKey,
  ROUTE_COLUMNS,
  routeKey,
  shownMark,
  WORKER_COLUMNS,
  workerKey,
} from './lists.ts'
import { lastCrash, reloadProgress } from './reload-progress.ts'
import { isInside, KEYS, type Panel, PANELS, type View } from './view.ts'

/** Everything that is shown of an instance. */
export interface Picture {
  /** The last look; absent before the first one. */
  readonly data: Data | undefined
  readonly events: readonly ManagerEvent[]
  /** Why the instance gives no answer; absent while it does. */
  readonly trouble: { readonly sinceMs: number; readonly reason: string } | undefined
  /** Now, milliseconds since the epoch. */
  readonly nowMs: number
  /** What the log says of the failed request that is shown; absent while it is read. */
  readonly logged: readonly string[] | undefined
  /** Whether keys can be read. */
  readonly hasKeys: boolean
  /** A look that is older is called so. */
  readonly staleAfterMs: number
}

const LABEL = 10
/** Many workers may have the same reason. */
const MAX_REASONS = 3
/** Shorter screens do without graphs, blank rows, and what does not fit into one row. */
const SHORT = 16
const FEWEST_PANEL_ROWS = 3

/** The rows of one frame: never more than the screen has, and none wider than it is. */
export function frame(picture: Picture, view: View, size: ScreenSize): StyledLine[] {
  const { columns: cells, rows } = size
  if (rows < 1 || cells < 1) return []
  const lines = view.showsHelp ? helpLines(cells) : pictureLines(picture, view, size)
  const foot = footLine(picture, view, cells)
  const body = lines.slice(0, Math.max(1, rows - 1))
  while (body.length < rows - 1) body.push(line())
  return [...body, ...(rows > 1 ? [foot] : [])].map((row) => cutLine(row, cells))
}

function pictureLines(picture: Picture, view: View, size: ScreenSize): StyledLine[] {
  const { data, trouble } = picture
  const { columns: cells } = size
  if (data === undefined) {
    const text = trouble === undefined ? 'asking the server' : `${trouble.reason}; trying again`
    return [line(span(text, trouble === undefined ? 'faint' : 'bad'))]
  }
  // Ages are those at the time of the look, which is said where it is not now.
  const nowMs = data.sample.wallMs
  const lists = listsOf(data, view, nowMs)
  const head = headLines(picture, data, view, cells)
  if (view.worker !== undefined)
    return [...head, ...workerLines(data, view, view.worker, lists, size, head.length)]
  if (view.failure !== undefined) return [...head, ...failureLines(picture, data, view.failure, cells)]
  const top = [...head, ...trafficLines(data, view, size)]
  return [...top, ...panelLines(lists, view, nowMs, cells, size.rows - 1 - top.length)]
}

/** Name, health, code, and what is wrong. */
function headLines(picture: Picture, data: Data, view: View, cells: number): StyledLine[] {
  const { events, trouble, nowMs } = picture
  const { status, wallMs } = data.sample
  const clock = new Date(wallMs).toTimeString().slice(0, 8)
  const left = [
    span(status.name, 'strong'),
    span(status.health, healthStyle(status.health)),
    span(`${status.readyWorkers} of ${status.wantedWorkers} workers`, staffStyle(status)),
    span(`code ${shortGeneration(status.generation)}`),
    span(`up ${durationText(Math.max(0, wallMs - status.startedAtMs))}`, 'faint'),
  ]
  return [
    spread(inOneRow(left, cells), [span(clock, 'faint')], cells),
    ...staleLines(picture, data, view),
    ...(trouble === undefined && !view.isPaused ? progressLines(events, status, nowMs, cells) : []),
    ...reasonLines(status.healthReasons),
    ...[condemnedText(status), lastCrash(status, wallMs)].flatMap((text) =>
      text === undefined ? [] : [line(span(text, 'warn'))],
    ),
  ]
}

function reasonLines(reasons: readonly string[]): StyledLine[] {
  const others = reasons.length - MAX_REASONS
  return [
    ...reasons.slice(0, MAX_REASONS).map((reason) => line(span(reason, 'bad'))),
    ...(others > 0 ? [line(span(`and ${others} more`, 'bad'))] : []),
  ]
}

/** Whether the figures are not those of now, and why. */
function staleLines({ trouble, nowMs, staleAfterMs }: Picture, { sample }: Data, view: View): StyledLine[] {
  const age = durationText(Math.max(0, nowMs - sample.wallMs))
  const isStale = nowMs - sample.wallMs > staleAfterMs
  const lines: StyledLine[] = []
  if (trouble !== undefined)
    lines.push(
      line(
        span(
          `no answer for ${durationText(Math.max(0, nowMs - trouble.sinceMs))}: ${trouble.reason}; trying again`,
          'bad',
        ),
      ),
    )
  if (view.isPaused) lines.push(line(span(`paused: this is how it was ${age} ago`, 'warn')))
  else if (trouble !== undefined || isStale) lines.push(line(span(`what follows is ${age} old`, 'warn')))
  return lines
}

function progressLines(
  events: readonly ManagerEvent[],
  status: ManagerStatus,
  nowMs: number,
  cells: number,
): StyledLine[] {
  const progress = reloadProgress(events, status, nowMs)
  if (progress === undefined) return []
  const { state, text, share } = progress
  if (state === 'done') return [line(span('✓ ', 'good'), span(text))]
  if (state === 'refused') return refusedLines(text, cells)
  const width = Math.min(30, Math.max(8, Math.floor(cells / 4)))
  return [
    line(
      span(padText('reload', LABEL), 'faint'),
      span(progressBar(share, width), 'accent'),
      span(` ${percentText(share)}  `),
      span(text),
    ),
  ]
}

/** The reason is what is wanted: the first rows of it. */
function refusedLines(text: string, cells: number): StyledLine[] {
  const rows = wrapText(oneLine(text), Math.max(1, cells - 2)).slice(0, MAX_REASONS)
  return rows.map((row, at) => line(span(at === 0 ? '✗ ' : '  ', 'bad'), span(row)))
}

/** Rates, classes, percentiles, what is under way, and how they were in the last minutes. */
function trafficLines(data: Data, view: View, { columns: cells, rows }: ScreenSize): StyledLine[] {
  const figures = data.figures.get(view.windowMs)
  const { status, requests } = data.sample
  const { workers, traffic } = status
  const oldest = requests?.underWay.find(({ phase }) => phase === 'queued')
  const sum = (figure: 'inFlight' | 'webSockets' | 'eventStreams'): number =>
    workers.reduce((total, each) => total + each[figure], 0)
  const queued = traffic?.queued
  const now: (readonly Span[])[] = [
    [span(countText(sum('inFlight')), 'strong'), span(' in flight')],
    ...(queued === undefined
      ? []
      : [[span(countText(queued), queued > 0 ? 'bad' : 'strong'), span(` queued${waitText(oldest)}`)]]),
    ...(traffic === undefined ? [] : [[span(`${countText(traffic.connections)} connections`)]]),
    ...held(sum('webSockets'), 'websockets', cells),
    ...held(sum('eventStreams'), 'streams', cells),
  ]
  const most = rows < SHORT ? 1 : Infinity
  return [
    ...flow(padText('requests', LABEL), requestPieces(figures), cells).slice(0, most),
    ...flow(
      padText('answers', LABEL),
      traffic === undefined ? NO_BALANCER : latencyPieces(figures, cells),
      cells,
    ).slice(0, most),
    ...flow(padText('now', LABEL), now, cells).slice(0, most),
    ...(rows < SHORT ? [] : graphLines(data, cells, rows)),
    ...(rows < SHORT ? [] : [line()]),
  ]
}

const NO_BALANCER: readonly (readonly Span[])[] = [
  [span('no balancer tells of times, the queue and routes', 'warn')],
]

function waitText(oldest: RequestUnderWay | undefined): string {
  return oldest === undefined ? '' : `, oldest ${durationText(oldest.ageMs)}`
}

function held(count: number, what: string, cells: number): (readonly Span[])[] {
  return count === 0 && cells < NARROW ? [] : [[span(`${countText(count)} ${what}`)]]
}

function requestPieces(figures: Figures | undefined): (readonly Span[])[] {
  if (figures === undefined) return [[span('not counted yet', 'faint')]]
  const { perSecond, statuses, requests, failed, windowMs } = figures
  const rate = (count: number): string => rateText((count / Math.max(1, windowMs)) * 1_000)
  const classes = (['2xx', '3xx', '4xx', '5xx'] as const).map((digit): readonly Span[] => {
    const count = statuses?.[digit] ?? 0
    return [span(`${digit} `, 'faint'), span(rate(count), count === 0 ? 'faint' : CLASS_STYLES[digit])]
  })
  const share = requests === 0 || failed === null ? 0 : failed / requests
  return [
    [span(rateText(perSecond), 'strong'), span(' per second'), span(` ${windowText(figures)}`, 'faint')],
    ...(statuses === null ? [] : classes),
    ...(failed === null || failed === 0
      ? []
      : [[span(`${countText(failed)} failed, ${percentText(Math.min(1, share))}`, 'bad')]]),
  ]
}

function windowText({ of, windowMs }: Figures): string {
  return `(last ${of === 'last minute' ? 'minute' : `${(windowMs / 1_000).toFixed(windowMs < 5_000 ? 1 : 0)} s`})`
}

function latencyPieces(figures: Figures | undefined, cells: number): (readonly Span[])[] {
  const pieces = (['p50Ms', 'p95Ms', 'p99Ms'] as const).map((key): readonly Span[] => {
    const ms = figures?.[key] ?? null
    return [
      span(`${key.slice(0, 3)} `, 'faint'),
      span(ms === null ? '-' : latencyText(ms), ms === null ? 'faint' : 'strong'),
    ]
  })
  return cells < NARROW ? pieces : [...pieces, [span('until a worker began to answer', 'faint')]]
}

interface Graph {
  readonly label: string
  readonly value: (point: Point) => number | undefined
  readonly text: (value: number) => string
  readonly style: LineStyle
}

const GRAPHS: readonly Graph[] = [
  { label: 'req/s', value: ({ perSecond }) => perSecond, text: rateText, style: 'accent' },
  { label: 'p95', value: ({ p95Ms }) => p95Ms, text: latencyText, style: 'warn' },
  { label: 'failed/s', value: ({ failedPerSecond }) => failedPerSecond, text: rateText, style: 'bad' },
  { label: 'in flight', value: ({ inFlight }) => inFlight, text: countText, style: 'good' },
  { label: 'queue', value: ({ queued }) => queued, text: countText, style: 'bad' },
]

/** The first two always; others where they have something to show and there is room. */
function graphLines({ points }: Data, cells: number, rows: number): StyledLine[] {
  const most = rows >= 30 ? GRAPHS.length : 2
  return GRAPHS.filter(({ value }, at) => at < 2 || points.some((point) => (value(point) ?? 0) > 0))
    .slice(0, most)
    .map((graph) => graphLine(graph, points, cells))
}

/** Cells for the greatest value, and for how long the graph is. */
const PEAK = 12
const LENGTH = 10
/** Narrower screens do without what goes without saying. */
const NARROW = 60

function graphLine(
  { label, value, text, style }: Graph,
  points: readonly Point[],
  cells: number,
): StyledLine {
  const beside = LABEL + 1 + PEAK + (cells < NARROW ? 0 : LENGTH)
  const { values, cellMs } = seriesOf(points, value, Math.max(1, cells - beside))
  const known = values.flatMap((each) => each ?? [])
  const peak = known.length === 0 ? '' : `max ${text(Math.max(...known))}`
  return line(
    span(padText(label, LABEL), 'faint'),
    span(sparkline(values), style),
    span(` ${padText(peak, PEAK)}`, 'faint'),
    ...(cells < NARROW
      ? []
      : [span(padText(`in ${spanText(Math.min(HISTORY_MS, values.length * cellMs))}`, LENGTH), 'faint')]),
  )
}

function spanText(ms: number): string {
  return ms < 100_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`
}

/** The lists, of which the active one gets what it needs first. */
function panelLines(lists: Lists, view: View, nowMs: number, cells: number, height: number): StyledLine[] {
  const wanted: Record<Panel, number> = {
    workers: Math.max(1, lists.workers.length) + 1,
    routes: Math.max(1, lists.routes.length) + 1,
    failures: Math.max(1, lists.failures.length) + 1,
  }
  const heights = panelHeights(wanted, view.panel, height)
  const shown = PANELS.filter((panel) => heights[panel] > 0)
  return shown.flatMap((panel, at) => [
    ...(at === 0 ? [] : [line()]),
    ...panelOf(panel, lists, view, nowMs, cells, heights[panel]),
  ])
}

function panelOf(
  panel: Panel,
  lists: Lists,
  view: View,
  nowMs: number,
  cells: number,
  height: number,
): StyledLine[] {
  const common = { isActive: view.panel === panel, cells, height, sorting: view.sorting[panel] }
  const suits = view.filter === '' ? '' : ` with "${view.filter}"`
  if (panel === 'workers') {
    const marked = shownMark(view, panel, lists.workers.map(workerKey))
    return listLines({
      ...common,
      columns: WORKER_COLUMNS,
      rows: lists.workers,
      keyOf: workerKey,
      marked,
      empty: `no worker${suits}`,
    })
  }
  if (panel === 'routes') {
    const marked = shownMark(view, panel, lists.routes.map(routeKey))
    const empty = `no route${suits} was asked for in the last minutes`
    return listLines({
      ...common,
      columns: ROUTE_COLUMNS,
      rows: lists.routes,
      keyOf: routeKey,
      marked,
      empty,
    })
  }
  const marked = shownMark(view, panel, lists.failures.map(requestKey))
  const empty = `no request${suits} has failed lately`
  return listLines({
    ...common,
    columns: failureColumns(nowMs),
    rows: lists.failures,
    keyOf: requestKey,
    marked,
    empty,
  })
}

/** Rows for each list, headings and the blank row before it included in what is divided. */
export function panelHeights(
  wanted: Readonly<Record<Panel, number>>,
  active: Panel,
  height: number,
): Record<Panel, number> {
  const heights: Record<Panel, number> = { workers: 0, routes: 0, failures: 0 }
  const order = [active, ...PANELS.filter((panel) => panel !== active)]
  let left = height
  for (const panel of order) {
    const blank = left === height ? 0 : 1
    const takes = Math.min(wanted[panel], FEWEST_PANEL_ROWS)
    if (left < takes + blank && left < height) continue
    heights[panel] = Math.max(0, Math.min(takes, left - blank))
    left -= heights[panel] + blank
  }
  for (const panel of order) {
    if (heights[panel] === 0) continue
    const more = Math.min(wanted[panel] - heights[panel], Math.max(0, left))
    heights[panel] += more
    left -= more
  }
  return heights
}

/** One worker: its figures, how they were, and its requests. */
function workerLines(
  data: Data,
  view: View,
  name: string,
  lists: Lists,
  { columns: cells, rows }: ScreenSize,
  above: number,
): StyledLine[] {
  const { status, requests } = data.sample
  const worker = status.workers.find((each) => workerName(each) === name)
  if (worker === undefined) {
    const same = status.workers.find(({ slot }) => name.startsWith(`w${slot}.`))
    const next = same === undefined ? '' : `; ${workerName(same)} has its place`
    return [line(span(`${name} has gone${next} (esc leads back)`, 'warn'))]
  }
  const { processor, perSecond } = data.processes.get(worker.pid) ?? {}
  const facts: (readonly Span[])[] = [
    [span(worker.state, 'strong')],
    [span(`process ${worker.pid}`)],
    [span(`code ${shortGeneration(worker.generation)}`)],
    [span(`for ${durationText(Math.max(0, data.sample.wallMs - worker.sinceMs))}`)],
    [span(`cpu ${processor === undefined ? '-' : percentText(processor)}`)],
    [span(`memory ${bytesText(worker.rssBytes)}`)],
    [span(`lag ${durationText(worker.loopLagMs)}`)],
    [span(`${perSecond === undefined ? '-' : rateText(perSecond)} per second`)],
    [
      span(
        `${worker.inFlight}${worker.maxInFlight === undefined ? '' : ` of ${worker.maxInFlight}`} in flight`,
      ),
    ],
    [span(`${countText(worker.sent ?? worker.requests)} requests`)],
  ]
  const graphs: readonly Graph[] = [
    {
      label: 'cpu',
      value: ({ workers }) => workers.get(worker.pid)?.processor,
      text: percentText,
      style: 'accent',
    },
    {
      label: 'memory',
      value: ({ workers }) => workers.get(worker.pid)?.rssBytes,
      text: bytesText,
      style: 'good',
    },
    {
      label: 'req/s',
      value: ({ workers }) => workers.get(worker.pid)?.perSecond,
      text: rateText,
      style: 'warn',
    },
  ]
  const top = [
    ...flow(padText(name, LABEL), facts, cells),
    ...(rows < 14 ? [] : graphs.map((graph) => graphLine(graph, data.points, cells))),
    line(),
  ]
  const hidden = (requests?.underWayCount ?? 0) - (requests?.underWay.length ?? 0)
  const more =
    hidden > 0 ? [line(span(`of all workers, ${countText(hidden)} younger ones are not named`, 'faint'))] : []
  const height = rows - 1 - above - top.length - more.length
  const marked = shownMark(view, 'requests', lists.requests.map(requestKey))
  const suits = view.filter === '' ? '' : ` with "${view.filter}"`
  const list = listLines({
    columns: REQUEST_COLUMNS,
    rows: lists.requests,
    keyOf: requestKey,
    marked,
    isActive: true,
    empty: `no request${suits} is in flight`,
    cells,
    height,
  })
  return [...top, ...list, ...more]
}

/** One failed request, and what the log has of it. */
function failureLines({ logged }: Picture, { sample }: Data, id: string, cells: number): StyledLine[] {
  const failure = sample.requests?.failures.find(({ requestId }) => requestId === id)
  const known =
    failure === undefined
      ? [line(span(`${id} is none of the latest failures any more (esc leads back)`, 'warn'))]
      : failureFacts(failure, sample.wallMs, cells)
  const text = logged ?? ['the log is being read']
  const lines = text.length === 0 ? ['the log has nothing of it'] : text
  return [
    ...known,
    line(),
    ...lines.flatMap((each) => wrapText(oneLine(each), cells).map((row) => line(span(row, 'faint')))),
  ]
}

function failureFacts(failure: RequestFailure, nowMs: number, cells: number): StyledLine[] {
  const { method, path, requestId, worker, generation, tookMs, atMs } = failure
  const facts: (readonly Span[])[] = [
    [span(failureText(failure), 'bad')],
    [span(`worker ${worker ?? 'none'}`)],
    [span(`code ${shortGeneration(generation)}`)],
    [span(`after ${latencyText(tookMs)}`)],
    [span(`${durationText(Math.max(0, nowMs - atMs))} ago, at ${new Date(atMs).toISOString()}`)],
    [span(`id ${requestId}`)],
  ]
  return [
    ...wrapText(oneLine(`${method} ${path}`), cells).map((row) => line(span(row, 'strong'))),
    ...flow('', facts, cells),
  ]
}

function helpLines(cells: number): StyledLine[] {
  const width = Math.max(...KEYS.map(([key]) => key.length)) + 2
  return [
    line(span('keys', 'strong')),
    ...KEYS.map(([key, does]) => cutLine(line(span(padText(key, width), 'accent'), span(does)), cells)),
    line(),
    ...NOTES.flatMap((note) => wrapText(note, cells).map((row) => line(span(row, 'faint')))),
  ]
}

/** What columns do not say themselves. */
const NOTES = [
  'time to answer: until a worker began to, without the wait in the queue',
  'cpu and req/s of a worker: since the look before',
  'p95 1m, failed 1m: of the last minute, as the balancer counts',
  'routes: of the last five to ten minutes',
]

/** Keys, or the text of the filter while it is typed. */
function footLine({ hasKeys }: Picture, view: View, cells: number): StyledLine {
  if (view.isTyping)
    return line(
      span('filter ', 'faint'),
      span(`${cutText(view.filter, Math.max(1, cells - 40))}▏`),
      span('  enter keeps it, esc ends it', 'faint'),
    )
  if (!hasKeys) return line(span('input is no terminal: no keys; SIGINT ends it', 'faint'))
  if (view.showsHelp) return line(span('any key leads back', 'faint'))
  const { by, isDescending } = view.sorting[view.panel]
  const filter = view.filter === '' ? [] : [span(`filter "${view.filter}"`, 'warn')]
  const order = `${view.panel} by ${by} ${isDescending ? '▾' : '▴'}`
  const keys = isInside(view) ? INNER_KEYS : LIST_KEYS
  const right = isInside(view) ? [] : [span(order, 'faint')]
  return spread(inOneRow([...filter, ...keys.map((key) => span(key, 'faint'))], cells), right, cells)
}

/** The most useful first. */
const LIST_KEYS = [
  'q quit',
  '? help',
  'space pause',
  '/ filter',
  's sort',
  'w window',
  'tab list',
  'enter look into',
]
const INNER_KEYS = ['esc back', 'q quit', '? help', 'space pause', '/ filter']

/** The first pieces, as many as there is room for. */
function inOneRow(pieces: readonly Span[], cells: number): Span[] {
  const [first, ...others] = pieces
  const row = first === undefined ? [] : [first]
  let left = cells - (first === undefined ? 0 : cellsOf(first.text))
  for (const piece of others) {
    left -= 2 + cellsOf(piece.text)
    if (left < 0) break
    row.push({ text: '  ' }, piece)
  }
  return row
}

function healthStyle(health: ManagerStatus['health']): LineStyle {
  if (health === 'ok') return 'good'
  return health === 'starting' || health === 'held' || health === 'stopping' ? 'warn' : 'bad'
}

function staffStyle({ readyWorkers, wantedWorkers }: ManagerStatus): LineStyle | undefined {
  return readyWorkers < wantedWorkers ? 'bad' : undefined
}

const CLASS_STYLES: Readonly<Record<'2xx' | '3xx' | '4xx' | '5xx', LineStyle>> = {
  '2xx': 'good',
  '3xx': 'accent',
  '4xx': 'warn',
  '5xx': 'bad',
}
