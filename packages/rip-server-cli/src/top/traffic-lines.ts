import type { RequestUnderWay } from '@rip/manager'
import { countText, durationText, latencyText, percentText, rateText } from '../terminal/quantity-text.ts'
import type { ScreenSize } from '../terminal/screen.ts'
import {
  flow,
  line,
  type LineStyle,
  padText,
  span,
  type Span,
  type StyledLine,
} from '../terminal/styled-line.ts'
import type { Figures } from './figures.ts'
import { graphLines } from './graph-lines.ts'
import type { Data } from './history.ts'
import { LABEL, NARROW, SHORT } from './layout.ts'
import type { View } from './view.ts'

const NO_BALANCER: readonly (readonly Span[])[] = [
  [span('no balancer tells of times, the queue and routes', 'warn')],
]

const CLASS_STYLES: Readonly<Record<'2xx' | '3xx' | '4xx' | '5xx', LineStyle>> = {
  '2xx': 'good',
  '3xx': 'accent',
  '4xx': 'warn',
  '5xx': 'bad',
}

/** Rates, classes, percentiles, what is under way, and how they were in the last minutes. */
export function trafficLines(data: Data, view: View, { columns: cells, rows }: ScreenSize): StyledLine[] {
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
