import type { SourceMap } from '../adapter.ts'

/** A place in one line of the code: its column, two zeros, and the offset in the source that it comes from. */
export type Segment = readonly [column: number, source: number, line: number, offset: number]

interface Mapped {
  readonly source: string
  readonly filename: string
  /** Segments by line of the code, in order of their columns. */
  readonly rows: readonly Segment[][]
  /** Lines of the code in front of the first row. */
  readonly skippedLines: number
  /** Names of the source that the code spells differently, by offset. */
  readonly renamed: ReadonlyMap<number, string>
}

/** The source map of a program; of several segments for one place, the last and innermost one counts. */
export function sourceMapOf(mapped: Mapped): SourceMap {
  const { source, filename, rows, renamed } = mapped
  const names = [...new Set(renamed.values())]
  const lines = new Lines(source)
  let mappings = ';'.repeat(mapped.skippedLines)
  let lastLine = 0
  let lastColumn = 0
  let lastName = 0
  for (const [at, row] of rows.entries()) {
    if (at > 0) mappings += ';'
    let from = 0
    let separator = ''
    for (let i = 0; i < row.length; i++) {
      const [column, , , offset] = row[i]!
      if (row[i + 1]?.[0] === column) continue
      const line = lines.lineOf(offset)
      const sourceColumn = offset - lines.starts[line]!
      mappings += `${separator}${vlq(column - from)}A${vlq(line - lastLine)}${vlq(sourceColumn - lastColumn)}`
      const name = renamed.size === 0 ? undefined : renamed.get(offset)
      if (name !== undefined) {
        mappings += vlq(names.indexOf(name) - lastName)
        lastName = names.indexOf(name)
      }
      from = column
      lastLine = line
      lastColumn = sourceColumn
      separator = ','
    }
  }
  return { version: 3, sources: [filename], sourcesContent: [source], names, mappings }
}

/** Lines of a text; asked for offsets that mostly lie close together. */
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

/** A number of a segment (ECMA-426, base64 VLQ): the sign in the lowest bit, five bits a digit, lowest first. */
function vlq(value: number): string {
  let bits = value < 0 ? (-value << 1) | 1 : value << 1
  if (bits < 32) return DIGITS[bits]!
  let text = ''
  while (bits >= 32) {
    text += DIGITS[(bits & 31) | 32]!
    bits >>>= 5
  }
  return text + DIGITS[bits]!
}
