import { bar } from '../terminal/graphs.ts'
import {
  cellsOf,
  cutText,
  type LineStyle,
  oneLine,
  padText,
  type Span,
  type StyledLine,
} from '../terminal/styled-line.ts'

/** A column of a list. */
export interface Column<Row> {
  readonly name: string
  readonly text: (row: Row) => string
  /** What rows are sorted by. */
  readonly value: (row: Row) => number | string
  readonly align?: 'left' | 'right'
  readonly style?: (row: Row) => LineStyle | undefined
  /** Share from 0 to 1 that is drawn as a bar in front of the text, where there is room. */
  readonly share?: (row: Row) => number | undefined
  /** Columns with a greater number are left out first. */
  readonly rank: number
  /** Takes what the others leave, and is cut. */
  readonly isElastic?: boolean
}

export interface ListOptions<Row> {
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  readonly marked: string | undefined
  /** Whether keys move in this list. */
  readonly isActive: boolean
  readonly sorting?: { readonly by: string; readonly isDescending: boolean }
  /** Shown instead of rows. */
  readonly empty: string
  readonly cells: number
  /** With the heading. */
  readonly height: number
}

const GAP = 2
const MAX_BAR = 10
const MIN_BAR = 4
/** What the elastic column gets before others that are not the first ones. */
const LEAST_ELASTIC = 10
const GOOD_ELASTIC = 20
/** From here on there is room for that. */
const WIDE = 50
/** Columns up to this rank come before bars. */
const LAST_BEFORE_BARS = 4

interface Placed<Row> {
  readonly column: Column<Row>
  readonly cells: number
  readonly barCells: number
}

/** A heading and as many rows as there is room for, the marked one among them. */
export function listLines<Row>(options: ListOptions<Row>): StyledLine[] {
  const { rows, keyOf, marked, height, cells, empty } = options
  if (height < 1) return []
  const room = height - 1
  const at = rows.findIndex((row) => keyOf(row) === marked)
  const first = Math.max(0, Math.min(at - Math.floor(room / 2), rows.length - room))
  const shown = rows.slice(first, first + room)
  const placed = place(options)
  const isCut = shown.length < rows.length && room > 0
  const where = isCut ? `${first + 1}–${first + shown.length} of ${rows.length}` : ''
  const heading = headingLine(placed, options, where)
  if (rows.length === 0)
    return room < 1
      ? [heading]
      : [heading, { spans: [{ text: cutText(oneLine(empty), cells), style: 'faint' }] }]
  return [heading, ...shown.map((row) => rowLine(row, placed, keyOf(row) === marked))]
}

/** Chooses the columns there is room for, and how wide each is: bars go before columns of little interest. */
function place<Row>({ columns, rows, cells, sorting }: ListOptions<Row>): readonly Placed<Row>[] {
  const wide = columns
    .map((column) => ({ column, cells: wantedCells(column, rows, sorting), barCells: 0 }))
    .toSorted((a, b) => a.column.rank - b.column.rank)
  const chosen: typeof wide = []
  const least = cells < WIDE ? LEAST_ELASTIC : GOOD_ELASTIC
  let left = cells + GAP
  const choose = (those: typeof wide): void => {
    for (const each of those) {
      const takes = GAP + (each.column.isElastic === true ? Math.min(each.cells, least) : each.cells)
      if (takes > left) continue
      left -= takes
      chosen.push(each)
    }
  }
  choose(wide.filter(({ column }) => column.rank <= LAST_BEFORE_BARS))
  const barred = chosen.filter(({ column }) => column.share !== undefined)
  for (const each of barred) {
    if (left < 1 + MIN_BAR) break
    left -= 1 + MIN_BAR
    each.barCells = MIN_BAR
  }
  choose(wide.filter(({ column }) => column.rank > LAST_BEFORE_BARS))
  if (barred.every(({ barCells }) => barCells > 0)) {
    const more = Math.min(MAX_BAR - MIN_BAR, Math.floor(left / Math.max(1, barred.length)))
    for (const each of barred) each.barCells += more
  }
  const elastic = chosen.find(({ column }) => column.isElastic === true)
  if (elastic !== undefined) elastic.cells = Math.min(elastic.cells, least) + left
  return columns.flatMap((column) => chosen.find((each) => each.column === column) ?? [])
}

/** Room for the arrow is kept, so that columns stay where they are when the order changes. */
function wantedCells<Row>(
  column: Column<Row>,
  rows: readonly Row[],
  sorting: ListOptions<Row>['sorting'],
): number {
  const heading = cellsOf(column.name) + (sorting === undefined ? 0 : 1)
  return Math.max(heading, ...rows.map((row) => cellsOf(oneLine(column.text(row)))))
}

function headingLine<Row>(
  placed: readonly Placed<Row>[],
  { isActive, sorting, cells }: ListOptions<Row>,
  where: string,
): StyledLine {
  const titles = placed.map(({ column, cells: own, barCells }) => {
    const arrow = sorting?.by === column.name ? (sorting.isDescending ? '▾' : '▴') : ''
    return padText(column.name + arrow, own + (barCells > 0 ? barCells + 1 : 0), column.align)
  })
  const text = titles.join(' '.repeat(GAP))
  const free = cells - cellsOf(text.trimEnd())
  const style: LineStyle = isActive ? 'accent' : 'faint'
  if (where === '' || free < where.length + 1) return { spans: [{ text: cutText(text, cells), style }] }
  return {
    spans: [
      { text: text.trimEnd(), style },
      { text: padText(where, free, 'right'), style: 'faint' },
    ],
  }
}

function rowLine<Row>(row: Row, placed: readonly Placed<Row>[], isMarked: boolean): StyledLine {
  const spans = placed.flatMap(({ column, cells, barCells }, at): Span[] => {
    const style = column.style?.(row)
    const text = padText(oneLine(column.text(row)), cells, column.align)
    const gap = at === 0 ? [] : [{ text: ' '.repeat(GAP) }]
    if (barCells === 0) return [...gap, { text, style }]
    const share = column.share?.(row)
    const drawn = share === undefined ? ' '.repeat(barCells) : bar(share, barCells)
    return [...gap, { text: drawn, style: style ?? 'accent' }, { text: ' ' }, { text, style }]
  })
  return { spans, isMarked }
}

/** Rows in an order. Equal ones stay as they were. */
export function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { by, isDescending }: { readonly by: string; readonly isDescending: boolean },
): Row[] {
  const column = columns.find(({ name }) => name === by)
  if (column === undefined) return [...rows]
  const order = (a: Row, b: Row): number => {
    const [one, other] = [column.value(a), column.value(b)]
    if (typeof one === 'string' || typeof other === 'string')
      return String(one) < String(other) ? -1 : Number(String(one) > String(other))
    return one - other
  }
  return rows.toSorted((a, b) => (isDescending ? order(b, a) : order(a, b)))
}
