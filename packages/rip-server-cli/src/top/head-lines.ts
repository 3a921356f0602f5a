import type { ManagerEvent, ManagerStatus } from '@rip/manager'
import { condemnedText, shortGeneration } from '../terminal/event-line.ts'
import { progressBar } from '../terminal/graphs.ts'
import { durationText, percentText } from '../terminal/quantity-text.ts'
import {
  inOneRow,
  line,
  type LineStyle,
  oneLine,
  padText,
  span,
  spread,
  type StyledLine,
  wrapText,
} from '../terminal/styled-line.ts'
import type { Data } from './history.ts'
import { LABEL } from './layout.ts'
import type { Picture } from './picture.ts'
import { lastCrash, reloadProgress } from './reload-progress.ts'
import type { View } from './view.ts'

/** Many workers may have the same reason. */
const MAX_REASONS = 3

/** Name, health, code, and what is wrong. */
export function headLines(picture: Picture, data: Data, view: View, cells: number): StyledLine[] {
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

function healthStyle(health: ManagerStatus['health']): LineStyle {
  if (health === 'ok') return 'good'
  return health === 'starting' || health === 'held' || health === 'stopping' ? 'warn' : 'bad'
}

function staffStyle({ readyWorkers, wantedWorkers }: ManagerStatus): LineStyle | undefined {
  return readyWorkers < wantedWorkers ? 'bad' : undefined
}
