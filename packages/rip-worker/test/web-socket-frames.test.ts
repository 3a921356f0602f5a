import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { WebSocketFrames } from '../src/serve/web-socket-frames.cjs'

/** A frame as a server or, masked, a client sends it (RFC 6455 section 5.2), in the shortest form or a longer one. */
function frame(length: number, form: 0 | 2 | 8, isMasked: boolean): Buffer {
  const extended = form === 0 && length > 125 ? (length > 65_535 ? 8 : 2) : form
  const head = Buffer.alloc(2 + extended)
  head[0] = 0x82
  head[1] = (isMasked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127)
  if (extended === 2) head.writeUInt16BE(length, 2)
  if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, Buffer.alloc(length + (isMasked ? 4 : 0), 0xff)])
}

const frames = fc.array(
  fc.record({
    length: fc.oneof(fc.integer({ min: 0, max: 130 }), fc.integer({ min: 0, max: 70_000 })),
    form: fc.constantFrom(0 as const, 8 as const),
    isMasked: fc.boolean(),
  }),
  { minLength: 1, maxLength: 6 },
)

test('however the bytes of frames are cut into pieces, it is complete exactly where a frame ends', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat()), (all, cuts) => {
      const parts = all.map(({ length, form, isMasked }) => frame(length, form, isMasked))
      const bytes = Buffer.concat(parts)
      const ends = new Set<number>([0])
      for (const part of parts) ends.add([...ends].at(-1)! + part.length)
      const at = [...new Set(cuts.map((cut) => cut % bytes.length))].toSorted((a, b) => a - b)
      const reader = new WebSocketFrames()
      let from = 0
      for (const to of [...at, bytes.length]) {
        reader.push(bytes.subarray(from, to))
        expect(reader.isComplete).toBe(ends.has(to))
        from = to
      }
    }),
  )
})
