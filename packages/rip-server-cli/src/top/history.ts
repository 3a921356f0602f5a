import {
  type Figures,
  figuresBetween,
  figuresOfMinute,
  type ProcessFigures,
  processesBetween,
} from './figures.ts'
import type { Sample } from './sample.ts'

/** How far back sparklines go. */
export const HISTORY_MS = 300_000
/** Spans that figures are shown of; the balancer's counts make each of them exact. */
export const WINDOWS_MS = [1_000, 10_000, 60_000] as const

export type WindowMs = (typeof WINDOWS_MS)[number]

/** One look, as sparklines need it. */
export interface Point {
  readonly atMs: number
  readonly perSecond: number | undefined
  readonly failedPerSecond: number | undefined
  readonly p95Ms: number | undefined
  readonly inFlight: number
  readonly queued: number
  /** By the name of the worker. */
  readonly workers: ReadonlyMap<number, WorkerPoint>
}

interface WorkerPoint extends ProcessFigures {
  readonly rssBytes: number
}

/** Everything a frame is drawn from; never changes. */
export interface Data {
  readonly sample: Sample
  /** Since the look before, or of the last minute where there was none. */
  readonly sinceLast: Figures | undefined
  readonly figures: ReadonlyMap<WindowMs, Figures | undefined>
  readonly processes: ReadonlyMap<number, ProcessFigures>
  /** The oldest first. */
  readonly points: readonly Point[]
}

/** Keeps the looks of the last minutes. */
export class History {
  readonly #samples: Sample[] = []
  #points: readonly Point[] = []

  /** What is known with this look. */
  add(sample: Sample): Data {
    const before = this.#samples.at(-1)
    // Counts of another process say nothing about those of this one.
    if (before !== undefined && before.status.pid !== sample.status.pid) this.#samples.length = 0
    // Routes and failures are not compared, and are the largest part of a look.
    this.#samples.push({ ...sample, requests: undefined })
    const oldestMs = sample.atMs - Math.max(...WINDOWS_MS)
    while (this.#samples.length > 2 && this.#samples[1]!.atMs <= oldestMs) this.#samples.shift()
    const last = this.#samples.at(-2)
    const processes = last === undefined ? new Map() : processesBetween(last, sample)
    this.#points = [...this.#points, pointOf(last, sample, processes)].filter(
      ({ atMs }) => atMs > sample.atMs - HISTORY_MS,
    )
    const figures = new Map(
      WINDOWS_MS.map((windowMs) => [windowMs, this.#figures(sample, windowMs)] as const),
    )
    const sinceLast = last === undefined ? undefined : figuresBetween(last, sample)
    return {
      sample,
      sinceLast: sinceLast ?? figuresOfMinute(sample.status),
      figures,
      processes,
      points: this.#points,
    }
  }

  /** Since the look whose age is nearest to the span, of those whose counts can be compared. */
  #figures(sample: Sample, windowMs: WindowMs): Figures | undefined {
    const off = ({ atMs }: Sample): number => Math.abs(sample.atMs - atMs - windowMs)
    const nearest = this.#samples.slice(0, -1).toSorted((a, b) => off(a) - off(b))
    for (const before of nearest) {
      const figures = figuresBetween(before, sample)
      if (figures !== undefined) return figures
    }
    return figuresOfMinute(sample.status)
  }
}

function pointOf(
  before: Sample | undefined,
  after: Sample,
  processes: ReadonlyMap<number, ProcessFigures>,
): Point {
  const { workers, traffic } = after.status
  const figures = before === undefined ? undefined : figuresBetween(before, after)
  return {
    atMs: after.atMs,
    perSecond: figures?.perSecond,
    failedPerSecond:
      figures === undefined || figures.failed === null
        ? undefined
        : (figures.failed / figures.windowMs) * 1_000,
    p95Ms: figures?.p95Ms ?? undefined,
    inFlight: workers.reduce((sum, { inFlight }) => sum + inFlight, 0),
    queued: traffic?.queued ?? 0,
    workers: new Map(
      workers.map(({ pid, rssBytes }) => {
        const { perSecond, processor } = processes.get(pid) ?? { perSecond: undefined, processor: undefined }
        return [pid, { perSecond, processor, rssBytes }]
      }),
    ),
  }
}

/** Values of the last minutes, one per cell. */
export interface Series {
  /** The newest last; `undefined` where nothing is known. */
  readonly values: readonly (number | undefined)[]
  readonly cellMs: number
}

/** Time of one cell. */
const CELLS_MS = [1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 300_000] as const

/**
 * Values of the last minutes, one per cell: the greatest of each cell's time, so that no peak is lost. Cells are as short as
 * the looks that are kept allow, and begin at fixed times, so that a value does not change when the next one comes.
 */
export function seriesOf(
  points: readonly Point[],
  value: (point: Point) => number | undefined,
  cells: number,
): Series {
  const [oldest, newest] = [points[0]?.atMs ?? 0, points.at(-1)?.atMs ?? 0]
  const every = points.length < 2 ? 0 : (newest - oldest) / (points.length - 1)
  const cellMs =
    CELLS_MS.find((ms) => ms >= every * 0.9 && Math.floor(newest / ms) - Math.floor(oldest / ms) < cells) ??
    CELLS_MS.at(-1)!
  const last = Math.floor(newest / cellMs)
  const values = Array.from({ length: cells }, (): number | undefined => undefined)
  for (const point of points) {
    const at = cells - 1 - (last - Math.floor(point.atMs / cellMs))
    const known = value(point)
    if (at >= 0 && known !== undefined) values[at] = Math.max(values[at] ?? 0, known)
  }
  return { values, cellMs }
}
