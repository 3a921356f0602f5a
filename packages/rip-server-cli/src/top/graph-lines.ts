import type { LineStyle, StyledLine } from '../terminal/styled-line.ts'
import { line, padText, span } from '../terminal/styled-line.ts'
import { sparkline } from '../terminal/graphs.ts'
import { countText, latencyText, rateText } from '../terminal/quantity-text.ts'
import { type Data, HISTORY_MS, type Point, seriesOf } from './history.ts'
import { LABEL, NARROW } from './layout.ts'

export interface Graph {
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

/** Cells for the greatest value, and for how long the graph is. */
const PEAK = 12

const LENGTH = 10

/** The first two always; others where they have something to show and there is room. */
export function graphLines({ points }: Data, cells: number, rows: number): StyledLine[] {
  const most = rows >= 30 ? GRAPHS.length : 2
  return GRAPHS.filter(({ value }, at) => at < 2 || points.some((point) => (value(point) ?? 0) > 0))
    .slice(0, most)
    .map((graph) => graphLine(graph, points, cells))
}

export function graphLine(
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
