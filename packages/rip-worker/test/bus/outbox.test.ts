import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { FrameReader, frameOf } from '../../src/bus/frame-reader.ts'
import { Outbox } from '../../src/bus/outbox.ts'

const MAX_BYTES = 300

/** What happens to an outbox: a frame of so many bytes is offered, or the reader takes so many bytes at most. */
const steps = fc.array(
  fc.oneof(
    fc.record({ offer: fc.integer({ min: 1, max: MAX_BYTES + 20 }) }),
    fc.record({ take: fc.nat(400) }),
  ),
  { maxLength: 120 },
)

/** A reader that takes bytes only as far as it was allowed to. */
class SlowReader {
  readonly received: number[] = []
  allowed = 0

  readonly write = (bytes: Uint8Array): number => {
    const taken = Math.min(bytes.byteLength, this.allowed)
    this.allowed -= taken
    for (let at = 0; at < taken; at++) this.received.push(bytes[at]!)
    return taken
  }
}

test('the reader gets the frames that were taken, in order and each once, whatever it takes when', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const outbox = new Outbox(MAX_BYTES)
      const reader = new SlowReader()
      const taken: number[] = []
      let number = 0
      for (const step of all) {
        if ('offer' in step) {
          const frame = new Uint8Array(step.offer).fill(number++)
          if (outbox.offer(frame)) taken.push(...frame)
        } else {
          reader.allowed = step.take
          outbox.flush(reader.write)
        }
        expect(outbox.bytes).toBe(taken.length - reader.received.length)
        expect(reader.received).toEqual(taken.slice(0, reader.received.length))
      }
      reader.allowed = Infinity
      outbox.flush(reader.write)
      expect(reader.received).toEqual(taken)
      expect([outbox.bytes, outbox.waiting]).toEqual([0, 0])
    }),
  )
})

test('it never keeps more than its bound, and counts each frame for which there is no room', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const outbox = new Outbox(MAX_BYTES)
      const reader = new SlowReader()
      let refused = 0
      for (const step of all) {
        if ('offer' in step) {
          const hasRoom = outbox.bytes + step.offer <= MAX_BYTES
          expect(outbox.offer(new Uint8Array(step.offer))).toBe(hasRoom)
          refused += hasRoom ? 0 : 1
        } else {
          reader.allowed = step.take
          outbox.flush(reader.write)
        }
        expect(outbox.bytes).toBeLessThanOrEqual(MAX_BYTES)
        expect(outbox.dropped).toBe(refused)
      }
      const { waiting } = outbox
      outbox.abandon()
      expect([outbox.bytes, outbox.dropped]).toEqual([0, refused + waiting])
    }),
  )
})

test('the beginning of a loss is told once, and its end once with the number', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const told: (number | 'full')[] = []
      const outbox = new Outbox(MAX_BYTES, {
        onFull: () => told.push('full'),
        onCaughtUp: (dropped) => told.push(dropped),
      })
      const reader = new SlowReader()
      for (const step of all) {
        if ('offer' in step) outbox.offer(new Uint8Array(step.offer))
        else {
          reader.allowed = step.take
          outbox.flush(reader.write)
        }
      }
      reader.allowed = Infinity
      outbox.flush(reader.write)
      expect(told.filter((_, at) => at % 2 === 0).every((each) => each === 'full')).toBe(true)
      const counts = told.filter((each) => each !== 'full')
      expect(counts.length).toBe(told.length / 2)
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(outbox.dropped)
    }),
  )
})

test('frames arrive whole and in order, however their bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 })),
      fc.infiniteStream(fc.integer({ min: 1, max: 25 })),
      (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(frameOf))
        const reader = new FrameReader(40)
        const received: Uint8Array[] = []
        for (let at = 0; at < bytes.byteLength;) {
          const { value: length } = cuts.next()
          expect(
            reader.push(bytes.subarray(at, at + length), (frame) => received.push(new Uint8Array(frame))),
          ).toBe(true)
          at += length
        }
        expect(received).toEqual(frames)
        expect(reader.pendingBytes).toBe(0)
      },
    ),
  )
})

test('a frame that is too long ends the reading at its length, and nothing of it is kept', () => {
  const reader = new FrameReader(10)
  const received: number[] = []
  const bytes = Buffer.concat([
    frameOf(new Uint8Array(10)),
    frameOf(new Uint8Array(11)),
    frameOf(new Uint8Array(1)),
  ])
  expect(reader.push(bytes, (frame) => received.push(frame.byteLength))).toBe(false)
  expect(reader.push(frameOf(new Uint8Array(1)), (frame) => received.push(frame.byteLength))).toBe(false)
  expect([received, reader.pendingBytes]).toEqual([[10], 0])
})
