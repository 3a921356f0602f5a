/** The first of the texts that is no wider than so many columns, else the last; without a limit, the first. */
export function fitting(texts: readonly [string, ...string[]], columns: number | undefined): string {
  const last = texts.at(-1)!
  if (columns === undefined) return texts[0]
  return texts.find((text) => Bun.stringWidth(text) <= columns) ?? last
}

/** A line of a code frame: perhaps a mark, perhaps a number, a bar, and the code. */
const FRAME_LINE = /^(?<gutter>[> ]?\s*\d*\s*\| )(?<code>.*)$/
const CARETS = /^\s*\| (?<before>\s*)(?<carets>\^+)/m
/** What is shown before the marked place, when what is far to the left of it is left out. */
const BEFORE_COLUMNS = 20

/** Text with a code frame in it: lines of the frame that are wider are cut, around the place that is marked. */
export function fittingFrame(text: string, columns: number | undefined): string {
  const lines = text.split('\n')
  if (columns === undefined || lines.every((line) => Bun.stringWidth(line) <= columns)) return text
  const { before = '', carets = '' } = CARETS.exec(text)?.groups ?? {}
  const cut = (line: string): string => {
    const { gutter, code } = FRAME_LINE.exec(line)?.groups ?? {}
    if (gutter === undefined || code === undefined) return line
    const room = columns - gutter.length
    const hasRoom = before.length + carets.length < room
    const from = hasRoom ? 0 : Math.max(0, before.length - BEFORE_COLUMNS)
    return gutter + window(code, from, room)
  }
  return lines.map(cut).join('\n')
}

/** So many columns of a line, with an ellipsis where something is left out. */
function window(code: string, from: number, columns: number): string {
  const isMark = /^\s*\^+/.test(code)
  const shown = code.slice(from)
  const begun = from === 0 || code === '' ? shown : `${isMark ? ' ' : '…'}${shown.slice(1)}`
  return begun.length <= columns ? begun : `${begun.slice(0, Math.max(0, columns - 1))}${isMark ? '' : '…'}`
}
