/** How a piece of text looks; the terminal of the reader chooses the colours. */
export type LineStyle = 'strong' | 'faint' | 'good' | 'warn' | 'bad' | 'accent'

/** A piece of text of one style, without control characters. */
export interface Span {
  readonly text: string
  readonly style?: LineStyle | undefined
}

/** One row of a screen. */
export interface StyledLine {
  readonly spans: readonly Span[]
  /** Shown in reverse over the whole row. @default false */
  readonly isMarked?: boolean
}

/** Select Graphic Rendition, ECMA-48 §8.3.117. */
const CODES: Readonly<Record<LineStyle, number>> = {
  strong: 1,
  faint: 2,
  bad: 31,
  good: 32,
  warn: 33,
  accent: 36,
}
const REVERSE = 7
const RESET = '\u001b[0m'

/**
 * What terminals obey, or show in widths that differ from one to the next: controls, formats such as joiners and marks of
 * direction, what Unicode leaves open, variation selectors, halves of flags, and tones of skin.
 */
const UNSAFE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Regional_Indicator}\p{Emoji_Modifier}\u034f\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu
const ASCII = /^[ -~]*$/
const ELLIPSIS = '…'

/** Text of a client or an application as a terminal can show it within a row: what would move the cursor is spelled out. */
export function oneLine(text: string): string {
  if (ASCII.test(text)) return text
  return text.normalize('NFC').replace(UNSAFE, (character) => {
    const code = character.codePointAt(0)!
    if (character === '\n') return '\\n'
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

/** A piece of text, made safe for a row. */
export function span(text: string, style?: LineStyle): Span {
  return { text: oneLine(text), style }
}

/** A row of pieces. */
export function line(...spans: readonly Span[]): StyledLine {
  return { spans }
}

/** Cells that text takes, character by character, as terminals count them. */
export function cellsOf(text: string): number {
  if (ASCII.test(text)) return text.length
  let cells = 0
  for (const character of text) cells += Bun.stringWidth(character)
  return cells
}

/** Cells that a row takes. */
export function lineCells({ spans }: StyledLine): number {
  return spans.reduce((cells, { text }) => cells + cellsOf(text), 0)
}

/** The beginning of a text that takes no more than so many cells; an ellipsis says that it was longer. */
export function cutText(text: string, cells: number): string {
  if (cellsOf(text) <= cells) return text
  if (cells < 1) return ''
  let kept = ''
  let left = cells - 1
  for (const character of text) {
    left -= Bun.stringWidth(character)
    if (left < 0) break
    kept += character
  }
  return kept + ELLIPSIS
}

/** Text in a column: cut, or filled up with spaces. */
export function padText(text: string, cells: number, align: 'left' | 'right' = 'left'): string {
  const cut = cutText(text, cells)
  const fill = ' '.repeat(Math.max(0, cells - cellsOf(cut)))
  return align === 'left' ? cut + fill : fill + cut
}

/** The beginning of a row that takes no more than so many cells. */
export function cutLine(row: StyledLine, cells: number): StyledLine {
  if (lineCells(row) <= cells) return row
  const spans: Span[] = []
  let left = cells
  for (const { text, style } of row.spans) {
    const cut = cutText(text, left)
    if (cut !== '') spans.push({ text: cut, style })
    left -= cellsOf(cut)
    if (left <= 0 || cut !== text) break
  }
  return { ...row, spans }
}

/** Two ends of a row, with the space between them; the right one goes first where there is no room for both. */
export function spread(left: readonly Span[], right: readonly Span[], cells: number): StyledLine {
  const gap = cells - lineCells({ spans: left }) - lineCells({ spans: right })
  if (right.length === 0 || gap < 1) return cutLine({ spans: left }, cells)
  return { spans: [...left, { text: ' '.repeat(gap) }, ...right] }
}

/** Pieces in rows, as many in each as there is room for, below each other behind a label. */
export function flow(label: string, pieces: readonly (readonly Span[])[], cells: number): StyledLine[] {
  const indent = ' '.repeat(cellsOf(label))
  const rows: Span[][] = []
  let used = Infinity
  for (const piece of pieces) {
    const width = lineCells({ spans: piece })
    if (used + 2 + width > cells) {
      rows.push([{ text: rows.length === 0 ? label : indent, style: 'faint' }, ...piece])
      used = indent.length + width
      continue
    }
    rows.at(-1)!.push({ text: '  ' }, ...piece)
    used += 2 + width
  }
  return rows.map((spans) => cutLine({ spans }, cells))
}

/** The first pieces, as many as there is room for. */
export function inOneRow(pieces: readonly Span[], cells: number): Span[] {
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

/** A text in rows of so many cells, cut wherever that is. */
export function wrapText(text: string, cells: number): string[] {
  const rows: string[] = []
  let row = ''
  let left = cells
  for (const character of text) {
    const width = Bun.stringWidth(character)
    if (width > left && row !== '') {
      rows.push(row)
      row = ''
      left = cells
    }
    if (width > cells) continue
    row += character
    left -= width
  }
  return [...rows, row]
}

/** A row as it is sent to a terminal. @param colored false for weights and reverse only */
export function ansiLine(row: StyledLine, cells: number, colored: boolean): string {
  const { spans, isMarked = false } = cutLine(row, cells)
  const fill = isMarked ? ' '.repeat(Math.max(0, cells - lineCells({ spans }))) : ''
  const all = fill === '' ? spans : [...spans, { text: fill }]
  return all.map(({ text, style }) => styled(text, codesOf(style, isMarked, colored))).join('')
}

function codesOf(style: LineStyle | undefined, isMarked: boolean, colored: boolean): readonly number[] {
  const code = style === undefined ? undefined : CODES[style]
  const own = code === undefined || (!colored && code >= 30) ? [] : [code]
  return isMarked ? [REVERSE, ...own] : own
}

function styled(text: string, codes: readonly number[]): string {
  return codes.length === 0 || text === '' ? text : `\u001b[${codes.join(';')}m${text}${RESET}`
}
