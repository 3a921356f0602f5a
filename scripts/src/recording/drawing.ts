import { Terminal } from '@xterm/headless'
import type { Cast } from './cast.ts'

/** Outputs this close together are one change of the picture. */
const FRAME_MS = 60
/** How long the last picture stays before all begins anew. */
const END_MS = 4_000
const FONT_PX = 14
const CELL_PX = 8.43
const ROW_PX = 19
const MARGIN_PX = 16
const BACKGROUND = '#16181d'
const TEXT = '#d7dae0'
/** The colours 0 to 15 of a terminal. */
const PALETTE =
  '#3b4048 #f07178 #a5d76e #e6c07b #6cb6ff #c792ea #62d6c8 #d7dae0 #5c6370 #ff8b92 #b9e986 #ffd68a #8fc8ff #ddb3f8 #86e8dc #ffffff'.split(
    ' ',
  )

/** A row as it stands in the picture for some time. */
interface Stay {
  readonly row: number
  /** Elements of SVG. */
  readonly content: string
  readonly fromMs: number
  untilMs: number
}

/** An asciicast as an animated SVG; where nothing moves it shows the end. */
export async function drawing(cast: Cast): Promise<string> {
  const { stays, endMs } = await staysOf(cast)
  const totalMs = endMs + END_MS
  const shapes = new Map<string, string>()
  for (const { content } of stays) if (!shapes.has(content)) shapes.set(content, `s${shapes.size}`)
  const width = Math.round(cast.columns * CELL_PX + 2 * MARGIN_PX)
  const height = cast.rows * ROW_PX + 2 * MARGIN_PX
  const isLast = ({ untilMs }: Stay): boolean => untilMs === Infinity
  const percent = (ms: number): string => `${((100 * ms) / totalMs).toFixed(3)}%`
  const frames = stays.map((stay, index) => {
    const end = isLast(stay) ? '' : `${percent(stay.untilMs)}{visibility:hidden}`
    return `@keyframes k${index}{0%{visibility:hidden}${percent(stay.fromMs)}{visibility:visible}${end}}`
  })
  const uses = stays.map((stay, index) => {
    const y = MARGIN_PX + stay.row * ROW_PX + FONT_PX
    const hidden = isLast(stay) ? '' : ' visibility="hidden"'
    return `<use href="#${shapes.get(stay.content)}" x="${MARGIN_PX}" y="${y}"${hidden} style="animation-name:k${index}"/>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" xml:space="preserve">`,
    '<title>rip-server dev in a terminal: a request, a save, a broken save, its repair, and a save under load</title>',
    '<style>',
    `text{font:${FONT_PX}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre;fill:${TEXT}}`,
    `use{animation:${(totalMs / 1_000).toFixed(2)}s step-end infinite}`,
    '@media (prefers-reduced-motion:reduce){use{animation:none}}',
    ...frames,
    '</style>',
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    '<defs>',
    ...[...shapes].map(([content, id]) => `<g id="${id}">${content}</g>`),
    '</defs>',
    ...uses,
    '</svg>',
    '',
  ].join('\n')
}

/** Plays the cast in a terminal without a screen, and notes how long each row stays as it is. */
async function staysOf({ columns, rows, outputs }: Cast): Promise<{ stays: readonly Stay[]; endMs: number }> {
  const terminal = new Terminal({ cols: columns, rows, allowProposedApi: true })
  const stays: Stay[] = []
  const current: (Stay | undefined)[] = []
  let atMs = 0
  for (const [index, output] of outputs.entries()) {
    await new Promise<void>((resolve) => terminal.write(output.text, resolve))
    const next = outputs[index + 1]
    if (next !== undefined && next.atMs - output.atMs < FRAME_MS) continue
    atMs = output.atMs
    for (let row = 0; row < rows; row += 1) {
      const content = rowContent(terminal, row)
      const before = current[row]
      if (before?.content === content) continue
      if (before !== undefined) before.untilMs = atMs
      const stay = content === '' ? undefined : { row, content, fromMs: atMs, untilMs: Infinity }
      current[row] = stay
      if (stay !== undefined) stays.push(stay)
    }
  }
  terminal.dispose()
  return { stays, endMs: atMs }
}

interface Look {
  readonly fill: string | undefined
  readonly bold: boolean
  readonly faint: boolean
}

/** The texts of a row, each with one look. */
function rowContent(terminal: Terminal, row: number): string {
  const { active } = terminal.buffer
  const line = active.getLine(active.baseY + row)
  if (line === undefined) return ''
  const runs: { column: number; text: string; look: Look }[] = []
  for (let column = 0; column < line.length; column += 1) {
    const cell = line.getCell(column)
    if (cell === undefined || cell.getWidth() === 0) continue
    const look = {
      fill: cell.isFgPalette() ? colourOf(cell.getFgColor()) : undefined,
      bold: cell.isBold() !== 0,
      faint: cell.isDim() !== 0,
    }
    const run = runs.at(-1)
    const text = cell.getChars() || ' '
    if (run !== undefined && isSame(run.look, look)) run.text += text
    else runs.push({ column, text, look })
  }
  return runs
    .map(({ column, text, look }) => ({ column, text: text.trimEnd(), look }))
    .filter(({ text }) => text !== '')
    .map(({ column, text, look }) => {
      const lead = text.length - text.trimStart().length
      const x = ((column + lead) * CELL_PX).toFixed(1)
      const shown = text.trimStart()
      // So that each character is in its column, whatever font there is.
      const length = (Bun.stringWidth(shown) * CELL_PX).toFixed(1)
      return `<text x="${x}" textLength="${length}"${attributes(look)}>${Bun.escapeHTML(shown)}</text>`
    })
    .join('')
}

function isSame(a: Look, b: Look): boolean {
  return a.fill === b.fill && a.bold === b.bold && a.faint === b.faint
}

function attributes({ fill, bold, faint }: Look): string {
  const parts = [
    ...(fill === undefined ? [] : [`fill:${fill}`]),
    ...(bold ? ['font-weight:bold'] : []),
    ...(faint ? ['opacity:.6'] : []),
  ]
  return parts.length === 0 ? '' : ` style="${parts.join(';')}"`
}

/** Of the 256 colours: the first 16, and the shades of grey. */
function colourOf(number: number): string | undefined {
  if (number < PALETTE.length) return PALETTE[number]
  const grey = 8 + (number - 232) * 10
  return number < 232 ? undefined : `rgb(${grey},${grey},${grey})`
}
