import { describe, expect, test } from 'bun:test'
import { FRAME } from '../../src/http2/frame-type.ts'
import { FrameOutput } from '../../src/http2/frame-output.ts'
import type { SpareBuffers } from '../../src/transport/spare-buffers.ts'
import { Turn } from '../../src/transport/turn.ts'
import { MemorySocket } from './frames.ts'

/** Everything that can be had. */
function takeAll(buffers: SpareBuffers): Buffer[] {
  const all: Buffer[] = []
  for (let buffer = buffers.take(); buffer !== undefined; buffer = buffers.take()) all.push(buffer)
  return all
}

/** A payload that differs from all others of its size. */
const payload = (bytes: number, seed: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => (at * 7 + seed) & 255))

const WIDTHS = [10, 600, 20_000, 100_000, 300_000]

describe('frames', () => {
  test.each(WIDTHS)('of a turn with %d bytes leave in their order', (bytes) => {
    const turn = new Turn()
    const sink = new MemorySocket()
    const output = new FrameOutput(sink, turn)
    const payloads = [payload(9, 1), payload(bytes, 2), payload(700, 3)]
    turn.run(() => {
      for (const each of payloads) output.write(FRAME.data, 0, 1, each, 0, each.length)
    })
    const taken = sink.read()
    let at = 0
    for (const each of payloads) {
      expect(taken.subarray(at + 9, at + 9 + each.length).equals(each)).toBe(true)
      at += 9 + each.length
    }
    expect(taken.length).toBe(at)
  })

  test.each(WIDTHS)(
    'of %d bytes that the kernel takes in pieces leave in their order, with others behind them',
    (bytes) => {
      const turn = new Turn()
      const sink = new MemorySocket()
      const output = new FrameOutput(sink, turn)
      const payloads = [payload(bytes, 1), payload(300, 2), payload(bytes, 3)]
      sink.capacity = 5
      for (const each of payloads) turn.run(() => output.write(FRAME.data, 0, 1, each, 0, each.length))
      while (output.waiting > 0) {
        sink.capacity = 10_007
        turn.run(() => output.drained())
      }
      const taken = sink.read()
      expect(taken.length).toBe(3 * 9 + 2 * bytes + 300)
      expect(taken.subarray(9, 9 + bytes).equals(payloads[0]!)).toBe(true)
      expect(taken.subarray(-bytes).equals(payloads[2]!)).toBe(true)
    },
  )
})

describe('buffers', () => {
  test.each(['small', 'large'] as const)(
    'that are %s are given back by all connections, also by those whose peers do not read',
    (size) => {
      const turn = new Turn()
      const buffers = turn[`${size}Buffers`]
      const all = takeAll(buffers)
      for (const buffer of all) buffers.giveBack(buffer)
      const bytes = size === 'small' ? 100 : 100_000
      const sinks = Array.from({ length: all.length * 2 }, (_, n) =>
        Object.assign(new MemorySocket(), { capacity: n % 3 === 0 ? 7 : 1e9 }),
      )
      turn.run(() => {
        for (const sink of sinks) {
          const output = new FrameOutput(sink, turn)
          output.write(FRAME.data, 0, 1, payload(bytes, 1), 0, bytes)
        }
      })
      for (const [n, sink] of sinks.entries()) expect(sink.read().length).toBe(n % 3 === 0 ? 7 : bytes + 9)
      expect(new Set(takeAll(buffers))).toEqual(new Set(all))
    },
  )

  test('that a connection forgets are given back', () => {
    const turn = new Turn()
    const all = takeAll(turn.smallBuffers)
    for (const buffer of all) turn.smallBuffers.giveBack(buffer)
    const output = new FrameOutput(new MemorySocket(), turn)
    output.writeNumber(FRAME.resetStream, 1, 0)
    output.discard()
    expect(takeAll(turn.smallBuffers).length).toBe(all.length)
  })
})
