import { INCOMPLETE, type FieldSection } from '../../src/http1/field-section.ts'

/** Bounds for parser tests, small enough to be reached. */
export const SMALL_LIMITS = { maxLineBytes: 200, maxHeadBytes: 400, maxFields: 8 }

/** Feeds a head in pieces; returns the offset after it in the whole input, or the parser's last result. */
export function feedPieces(section: FieldSection, pieces: readonly Buffer[]): number {
  let before = 0
  for (const piece of pieces) {
    const at = section.feed(piece, 0, piece.length)
    if (at !== INCOMPLETE) return at < 0 ? at : before + at
    before += piece.length
  }
  return INCOMPLETE
}

/** Cuts the input at the given offsets. */
export function cutAt(input: Buffer, offsets: readonly number[]): Buffer[] {
  const bounds = [0, ...[...offsets].sort((a, b) => a - b), input.length]
  return bounds.slice(1).map((end, index) => Buffer.from(input.subarray(bounds[index], end)))
}

/** All splits of an input that these tests use: whole, in two at every boundary, byte by byte. */
export function* splits(input: Buffer): Generator<Buffer[]> {
  yield [input]
  for (let at = 1; at < input.length; at++) yield cutAt(input, [at])
  yield [...input].map((byte) => Buffer.from([byte]))
}

export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}
