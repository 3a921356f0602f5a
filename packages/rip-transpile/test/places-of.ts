import type { SourceMap } from '../src/adapter.ts'

/** One segment of a source map; lines and columns count from 0. */
export interface Place {
  readonly line: number
  readonly column: number
  readonly sourceLine: number
  readonly sourceColumn: number
  readonly name: string | undefined
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** All segments of a map (ECMA-426), in the order of the code. */
export function placesOf({ mappings, names }: Pick<SourceMap, 'mappings' | 'names'>): Place[] {
  let [sourceLine, sourceColumn, name] = [0, 0, 0]
  return mappings.split(';').flatMap((row, line) => {
    let column = 0
    return row.split(',').flatMap((segment) => {
      const [moved = 0, , lines = 0, columns = 0, ...rest] = numbersOf(segment)
      column += moved
      sourceLine += lines
      sourceColumn += columns
      name += rest[0] ?? 0
      if (segment === '') return []
      return [{ line, column, sourceLine, sourceColumn, name: rest.length > 0 ? names[name] : undefined }]
    })
  })
}

/** Base64 VLQ: six bits per character; the highest says that more follow, the sign is in the lowest. */
function numbersOf(segment: string): number[] {
  return (segment.match(/[g-z0-9+/]*[A-Za-f]/g) ?? []).map((digits) => {
    const bits = digits.split('').reduceRight((sum, digit) => sum * 32 + (DIGITS.indexOf(digit) % 32), 0)
    return bits % 2 === 0 ? bits / 2 : -(bits - 1) / 2
  })
}
