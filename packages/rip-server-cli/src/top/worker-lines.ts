import { shortGeneration } from '../terminal/event-line.ts'
import { bytesText, countText, durationText, percentText, rateText } from '../terminal/quantity-text.ts'
import type { ScreenSize } from '../terminal/screen.ts'
import { flow, line, padText, span, type Span, type StyledLine } from '../terminal/styled-line.ts'
import { workerName } from './figures.ts'
import { type Graph, graphLine } from './graph-lines.ts'
import type { Data } from './history.ts'
import { LABEL } from './layout.ts'
import { listLines } from './list.ts'
import { type Lists, REQUEST_COLUMNS, requestKey, shownMark } from './lists.ts'
import type { View } from './view.ts'

/** One worker: its figures, how they were, and its requests. */
export function workerLines(
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
