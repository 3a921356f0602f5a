import {
  cutLine,
  cutText,
  inOneRow,
  line,
  padText,
  span,
  spread,
  type StyledLine,
  wrapText,
} from '../terminal/styled-line.ts'
import type { Picture } from './picture.ts'
import { isInside, KEYS, type View } from './view.ts'

/** What columns do not say themselves. */
const NOTES = [
  'time to answer: until a worker began to, without the wait in the queue',
  'cpu and req/s of a worker: since the look before',
  'p95 1m, failed 1m: of the last minute, as the balancer counts',
  'routes: of the last five to ten minutes',
]

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

export function helpLines(cells: number): StyledLine[] {
  const width = Math.max(...KEYS.map(([key]) => key.length)) + 2
  return [
    line(span('keys', 'strong')),
    ...KEYS.map(([key, does]) => cutLine(line(span(padText(key, width), 'accent'), span(does)), cells)),
    line(),
    ...NOTES.flatMap((note) => wrapText(note, cells).map((row) => line(span(row, 'faint')))),
  ]
}

/** Keys, or the text of the filter while it is typed. */
export function footLine({ hasKeys }: Picture, view: View, cells: number): StyledLine {
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
