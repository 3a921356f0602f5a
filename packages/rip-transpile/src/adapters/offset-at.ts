/** Offset of a position whose line and column count from 0; the end of the source if it lies behind that. */
export function offsetAt(source: string, line: number, column: number): number {
  let lineStart = 0
  for (let number = 0; number < line; number++) {
    const newline = source.indexOf('\n', lineStart)
    if (newline === -1) return source.length
    lineStart = newline + 1
  }
  return Math.min(lineStart + column, source.length)
}
