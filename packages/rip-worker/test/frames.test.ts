import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { encodeFrame, FrameDecoder, FrameError, MAX_FRAME_BYTES } from '../src/protocol.ts'

function cut(bytes: Uint8Array, at: readonly number[]): readonly Uint8Array[] {
  const edges = [0, ...at.map((edge) => edge % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
}

test('messages survive any split of their bytes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue(), { maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 10 }),
      (messages, at) => {
        const decoder = new FrameDecoder()
        const chunks = cut(Buffer.concat(messages.map(encodeFrame)), at)
        expect(JSON.stringify(chunks.flatMap((chunk) => decoder.push(chunk)))).toBe(JSON.stringify(messages))
      },
    ),
  )
})

test('the length comes first, big-endian', () => {
  expect([...encodeFrame('é')]).toEqual([0, 0, 0, 4, 0x22, 0xc3, 0xa9, 0x22])
})

test('an announced length beyond the bound is refused before its body arrives', () => {
  const header = new Uint8Array(4)
  new DataView(header.buffer).setUint32(0, MAX_FRAME_BYTES + 1)
  expect(() => new FrameDecoder().push(header)).toThrow(FrameError)
})

test('a message beyond the bound is not sent', () => {
  expect(() => encodeFrame('x'.repeat(MAX_FRAME_BYTES))).toThrow('longer than the 1048576 bytes allowed')
})

test.each([
  ['no JSON', Buffer.from('GET ')],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
])('%s is refused', (_, body) => {
  const frame = Buffer.concat([Buffer.from([0, 0, 0, body.length]), body])
  expect(() => new FrameDecoder().push(frame)).toThrow(FrameError)
})
