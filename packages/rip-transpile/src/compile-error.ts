export interface CompileErrorDetail {
  /** What is wrong, in one sentence without position. */
  readonly reason: string
  readonly filename: string
  readonly source: string
  /** Offset in UTF-16 units of the first character concerned. */
  readonly start: number
  /** Offset behind the last character concerned. */
  readonly end: number
  /** What to write instead, if known. */
  readonly hint?: string
}

/** Lines of context shown above and below the line of an error. */
const CONTEXT_LINES = 2

/** The longest part of a line that is shown, and how much of it is in front of the position. */
const MAX_LINE_CHARS = 160
const CHARS_BEFORE = 60

/**
 * Source that cannot be compiled: what is wrong, where, and what to do about it. Printed, it is its message
 * alone: the position in the source matters, not the one in the compiler.
 */
export class CompileError extends Error {
  declare readonly reason: string
  declare readonly filename: string
  declare readonly start: number
  declare readonly end: number
  /** 1-based. */
  declare readonly line: number
  /** 1-based, in UTF-16 units. */
  declare readonly column: number
  /** At least 1: an error at the end of the input still marks one place. */
  declare readonly length: number
  declare readonly hint: string | undefined
  /** The lines around the position with a caret under it, as plain text. */
  declare readonly frame: string

  constructor(detail: CompileErrorDetail, options?: ErrorOptions) {
    const { filename, source, reason, hint } = detail
    const start = Math.max(0, Math.min(detail.start, source.length))
    const { line, column } = positionAt(source, start)
    const length = Math.max(1, Math.min(detail.end, source.length) - start)
    const frame = codeFrame(source, line, column, length)
    const advice = hint === undefined ? '' : `\n\n${hint}`
    const traced = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(`${filename}:${line}:${column}: ${reason}\n\n${frame}${advice}`, options)
    Error.stackTraceLimit = traced
    const end = start + length
    hide(this, { name: 'CompileError', stack: `CompileError: ${this.message}` })
    hide(this, { reason, filename, start, end, line, column, length, hint, frame })
  }

  /** Compares the code, because a compiler that is loaded beside a bundle of this package has a class of its own. */
  static is(thrown: unknown): thrown is CompileError {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'RIP_COMPILE'
  }

  /** A getter, because Bun prints an error's own properties. */
  get code(): 'RIP_COMPILE' {
    return 'RIP_COMPILE'
  }
}

/** Sets properties that are not listed when the error is printed. */
function hide(error: Error, properties: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(properties)) {
    Object.defineProperty(error, name, { value, configurable: true, writable: true })
  }
}

/** Line and column, both 1-based, of an offset. */
export function positionAt(source: string, offset: number): { line: number; column: number } {
  let line = 1
  let lineStart = 0
  for (let at = source.indexOf('\n'); at !== -1 && at < offset; at = source.indexOf('\n', at + 1)) {
    line++
    lineStart = at + 1
  }
  return { line, column: offset - lineStart + 1 }
}

/** The lines around a position with a marker under the characters concerned. Of long lines a part is shown. */
export function codeFrame(source: string, line: number, column: number, length: number): string {
  const lines = source.split(/\r?\n/)
  const first = Math.max(1, line - CONTEXT_LINES)
  const last = Math.min(lines.length, line + CONTEXT_LINES)
  const width = String(last).length
  const rows: string[] = []
  for (let number = first; number <= last; number++) {
    const text = lines[number - 1] ?? ''
    const part = partOf(text, number === line ? column - 1 : 0)
    const mark = number === line ? '>' : ' '
    rows.push(`${mark} ${String(number).padStart(width)} | ${part.text}`.trimEnd())
    if (number !== line) continue
    const at = column - 1 - part.start
    const indent = part.text.slice(0, at).replace(/[^\t]/g, ' ')
    const carets = '^'.repeat(Math.max(1, Math.min(length, part.text.length - at)))
    rows.push(`  ${' '.repeat(width)} | ${indent}${carets}`)
  }
  return rows.join('\n')
}

/** A line, or for a long one, as minified code has them, what is around an offset; `start` is where its text begins. */
function partOf(line: string, offset: number): { readonly text: string; readonly start: number } {
  if (line.length <= MAX_LINE_CHARS) return { text: line, start: 0 }
  const latest = Math.max(0, line.length - MAX_LINE_CHARS)
  const from = wholeCharacter(line, Math.min(Math.max(0, offset - CHARS_BEFORE), latest))
  const to = wholeCharacter(line, Math.min(line.length, from + MAX_LINE_CHARS))
  const before = from > 0 ? '…' : ''
  const after = to < line.length ? '…' : ''
  return { text: before + line.slice(from, to) + after, start: from - before.length }
}

/** A surrogate pair is not cut in two. */
function wholeCharacter(line: string, offset: number): number {
  return /[\uDC00-\uDFFF]/.test(line.charAt(offset)) ? offset - 1 : offset
}
