import type { SourceMap } from '../adapter.ts'

/** A position in one line of the code: column, two zeros, and the offset in the source. */
export type Segment = readonly [column: number, source: number, line: number, offset: number]

interface Mapped {
  readonly source: string
  readonly filename: string
  readonly code: string
  /** Segments by line of the code, in order of their columns. */
  readonly rows: readonly Segment[][]
  /** Number of lines that will be put in front of the code. */
  readonly skippedLines: number
  /** Names of the source that the code may spell differently, by offset. */
  readonly renamed: ReadonlyMap<number, string>
}

/** Builds the source map of a program. Of several segments for one column, the last and innermost one counts. */
export function sourceMapOf({ source, filename, code, rows, skippedLines, renamed }: Mapped): SourceMap {
  const names = [...new Set(renamed.values())]
  const codeLines = names.length === 0 ? [] : code.split('\n')
  const mappings = new Mappings(source)
  mappings.skip(skippedLines)
  for (const [at, row] of rows.entries()) {
    if (at > 0) mappings.skip(1)
    for (let i = 0; i < row.length; i++) {
      const [column, , , offset] = row[i]!
      if (row[i + 1]?.[0] === column) continue
      mappings.add(column, offset)
      const name = names.length === 0 ? undefined : renamed.get(offset)
      if (name !== undefined && !codeLines[at]!.startsWith(name, column)) mappings.name(names.indexOf(name))
    }
  }
  return { version: 3, sources: [filename], sourcesContent: [source], names, mappings: mappings.text }
}

/** Writes segments (ECMA-426), each number as the difference to the previous one. */
class Mappings {
  text = ''
  private readonly lines: Lines
  private column = 0
  private sourceLine = 0
  private sourceColumn = 0
  private lastName = 0
  private separator = ''

  constructor(source: string) {
    this.lines = new Lines(source)
  }

  /** Moves on to a later line of the code. */
  skip(lines: number): void {
    this.text += ';'.repeat(lines)
    this.column = 0
    this.separator = ''
  }

  add(column: number, offset: number): void {
    const line = this.lines.lineOf(offset)
    const sourceColumn = offset - this.lines.starts[line]!
    const moved = `${vlq(line - this.sourceLine)}${vlq(sourceColumn - this.sourceColumn)}`
    this.text += `${this.separator}${vlq(column - this.column)}A${moved}`
    this.separator = ','
    this.column = column
    this.sourceLine = line
    this.sourceColumn = sourceColumn
  }

  /** Adds a name to the last segment. */
  name(index: number): void {
    this.text += vlq(index - this.lastName)
    this.lastName = index
  }
}

/** Finds the line of an offset in a text; fast for offsets that are close together. */
class Lines {
  readonly starts: number[] = [0]
  private last = 0

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.starts.push(at + 1)
  }

  lineOf(offset: number): number {
    const { starts, last } = this
    const isLast = starts[last]! <= offset && offset < (starts[last + 1] ?? Infinity)
    if (!isLast) this.last = this.search(offset)
    return this.last
  }

  private search(offset: number): number {
    const { starts } = this
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Base64 VLQ: the sign in the lowest bit, then five bits a digit, lowest first. */
function vlq(value: number): string {
  let bits = value < 0 ? (-value << 1) | 1 : value << 1
  let text = ''
  while (bits >= 32) {
    text += DIGITS[(bits & 31) | 32]!
    bits >>>= 5
  }
  return text + DIGITS[bits]!
}
