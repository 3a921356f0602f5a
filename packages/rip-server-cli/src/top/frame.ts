import type { ScreenSize } from '../terminal/screen.ts'
import { cutLine, line, span, type StyledLine } from '../terminal/styled-line.ts'
import { failureLines } from './failure-lines.ts'
import { headLines } from './head-lines.ts'
import { footLine, helpLines } from './key-lines.ts'
import { listsOf } from './lists.ts'
import { panelLines } from './panel-lines.ts'
import type { Picture } from './picture.ts'
import { trafficLines } from './traffic-lines.ts'
import type { View } from './view.ts'
import { workerLines } from './worker-lines.ts'

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
