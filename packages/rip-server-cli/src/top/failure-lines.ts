import type { RequestFailure } from '@rip/manager'
import { shortGeneration } from '../terminal/event-line.ts'
import { durationText, latencyText } from '../terminal/quantity-text.ts'
import { failureText } from '../terminal/request-tables.ts'
import { flow, line, oneLine, span, type Span, type StyledLine, wrapText } from '../terminal/styled-line.ts'
import type { Data } from './history.ts'
import type { Picture } from './picture.ts'

/** One failed request, and what the log has of it. */
export function failureLines({ logged }: Picture, { sample }: Data, id: string, cells: number): StyledLine[] {
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
