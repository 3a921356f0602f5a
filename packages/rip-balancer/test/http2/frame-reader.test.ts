import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { FLAG, FRAME } from '../../src/http2/frame-type.ts'
import { SETTINGS, eventsOf, frame, numbers } from './frames.ts'

const { ack, endHeaders, endStream, padded, priority } = FLAG

function eventsAfterSettings(...frames: readonly Buffer[]): string[] {
  return eventsOf([SETTINGS, ...frames]).slice(1)
}

test('every type of frame is read as what it is', () => {
  expect(
    eventsAfterSettings(
      frame(FRAME.data, endStream, 1, 'hello'),
      frame(FRAME.headers, endHeaders, 3, 'block'),
      frame(FRAME.resetStream, 0, 3, numbers(8)),
      frame(FRAME.settings, ack, 0),
      frame(FRAME.ping, 0, 0, numbers(1, 2)),
      frame(FRAME.ping, ack, 0, numbers(1, 2)),
      frame(FRAME.goAway, 0, 0, numbers(7, 11)),
      frame(FRAME.windowUpdate, 0, 0, numbers(1)),
      frame(FRAME.windowUpdate, 0, 5, numbers(0x80000002)),
      frame(FRAME.priority, 0, 5, Buffer.from([0, 0, 0, 3, 16])),
      frame(0x10, 0, 0, 'u=3'),
    ),
  ).toEqual([
    'data 1 5',
    'data 1 hello true',
    'headers 3 block false',
    'reset 3 8',
    'settings ack',
    'ping 0000000100000002',
    'ping ack',
    'goaway 7 11',
    'window 0 1',
    'window 5 2',
    'ignored',
    'ignored',
  ])
})

test('padding and priorities are no part of what was sent', () => {
  expect(
    eventsAfterSettings(
      frame(FRAME.data, padded, 1, '\x03data\0\0\0'),
      frame(FRAME.data, padded | endStream, 1, '\x03\0\0\0'),
      frame(FRAME.headers, padded | endHeaders | endStream, 3, '\x02block\0\0'),
      frame(FRAME.headers, priority | endHeaders, 5, '\0\0\0\x01\x10block'),
      frame(FRAME.headers, padded | priority | endHeaders, 7, '\x01\0\0\0\x01\x10block\0'),
    ),
  ).toEqual([
    'data 1 8',
    'data 1 data false',
    'data 1 4',
    'data 1  true',
    'headers 3 block true',
    'headers 5 block false',
    'headers 7 block false',
  ])
})

test('a block in several frames is handed over when it is complete', () => {
  expect(
    eventsAfterSettings(
      frame(FRAME.headers, endStream, 1, 'one '),
      frame(FRAME.continuation, 0, 1, ''),
      frame(FRAME.continuation, 0, 1, 'two '),
      frame(FRAME.continuation, endHeaders, 1, 'three'),
    ),
  ).toEqual(['headers 1 one two three true'])
})

const VIOLATIONS: readonly (readonly [sentence: string, bytes: readonly Buffer[], code: number])[] = [
  ['a frame larger than was agreed on', [frame(FRAME.data, 0, 1, Buffer.alloc(16_385))], 6],
  ['DATA without a stream', [frame(FRAME.data, 0, 0, 'x')], 1],
  ['DATA that is padded and empty', [frame(FRAME.data, padded, 1)], 6],
  ['DATA whose padding is all of it', [frame(FRAME.data, padded, 1, '\x05abcd')], 1],
  ['HEADERS without a stream', [frame(FRAME.headers, endHeaders, 0, 'x')], 1],
  [
    'HEADERS whose padding is longer than the frame',
    [frame(FRAME.headers, padded | endHeaders, 1, '\x05abcd')],
    1,
  ],
  ['HEADERS too short for a priority', [frame(FRAME.headers, priority | endHeaders, 1, 'abcd')], 6],
  [
    'HEADERS whose padding reaches into the priority',
    [frame(FRAME.headers, priority | padded | endHeaders, 1, '\x02abcdef')],
    1,
  ],
  ['PRIORITY without a stream', [frame(FRAME.priority, 0, 0, '\0\0\0\x01\0')], 1],
  ['RST_STREAM without a stream', [frame(FRAME.resetStream, 0, 0, numbers(8))], 1],
  ['RST_STREAM of another length', [frame(FRAME.resetStream, 0, 1, 'abc')], 6],
  ['SETTINGS that name a stream', [frame(FRAME.settings, 0, 1)], 1],
  ['SETTINGS that are no list of settings', [frame(FRAME.settings, 0, 0, 'abc')], 6],
  ['an acknowledgement that says something', [frame(FRAME.settings, ack, 0, numbers(1, 2, 3))], 6],
  ['PUSH_PROMISE', [frame(FRAME.pushPromise, endHeaders, 1, numbers(2))], 1],
  ['PING that names a stream', [frame(FRAME.ping, 0, 1, numbers(1, 2))], 1],
  ['PING of another length', [frame(FRAME.ping, 0, 0, numbers(1))], 6],
  ['GOAWAY that names a stream', [frame(FRAME.goAway, 0, 1, numbers(1, 2))], 1],
  ['GOAWAY too short', [frame(FRAME.goAway, 0, 0, numbers(1))], 6],
  ['WINDOW_UPDATE of another length', [frame(FRAME.windowUpdate, 0, 0, 'abc')], 6],
  ['CONTINUATION without a block', [frame(FRAME.continuation, endHeaders, 1, 'x')], 1],
  [
    'CONTINUATION without a stream',
    [frame(FRAME.headers, 0, 1, 'x'), frame(FRAME.continuation, endHeaders, 0, 'x')],
    1,
  ],
  [
    'CONTINUATION behind a complete block',
    [frame(FRAME.headers, endHeaders, 1, 'x'), frame(FRAME.continuation, endHeaders, 1, 'x')],
    1,
  ],
  [
    'a block continued on another stream',
    [frame(FRAME.headers, 0, 1, 'x'), frame(FRAME.continuation, endHeaders, 3, 'x')],
    1,
  ],
  ['DATA within a block', [frame(FRAME.headers, 0, 1, 'x'), frame(FRAME.data, 0, 1, 'x')], 1],
  ['a frame of an unknown type within a block', [frame(FRAME.headers, 0, 1, 'x'), frame(0x16, 0, 0, 'x')], 1],
  [
    'a block in more frames than a head takes',
    [frame(FRAME.headers, 0, 1, 'x'), ...Array.from({ length: 9 }, () => frame(FRAME.continuation, 0, 1))],
    11,
  ],
  [
    'a block of more bytes than a head may have',
    [frame(FRAME.headers, 0, 1, Buffer.alloc(16_000)), frame(FRAME.continuation, 0, 1, Buffer.alloc(4_001))],
    11,
  ],
]

for (const [sentence, bytes, code] of VIOLATIONS)
  test(`the connection ends at ${sentence}`, () => {
    expect(eventsAfterSettings(...bytes).at(-1)).toStartWith(`broken ${code} `)
  })

test('nothing is read behind a violation', () => {
  const events = eventsAfterSettings(frame(FRAME.ping, 0, 0), frame(FRAME.ping, 0, 0, numbers(1, 2)))
  expect(events).toEqual(['broken 6 PING of 0 bytes'])
})

test('the first frame is SETTINGS', () => {
  expect(eventsOf([frame(FRAME.ping, 0, 0, numbers(1, 2))])[0]).toStartWith('broken 1 ')
  expect(eventsOf([frame(FRAME.settings, ack, 0)])[0]).toStartWith('broken 1 ')
})

test('a stream ends at PRIORITY of another length, and when it depends on itself', () => {
  expect(
    eventsAfterSettings(
      frame(FRAME.priority, 0, 1, 'abc'),
      frame(FRAME.priority, 0, 3, '\0\0\0\x03\0'),
      frame(FRAME.headers, priority | endHeaders, 5, '\0\0\0\x05\x10block'),
    ),
  ).toEqual(['broken stream 1 6', 'broken stream 3 1', 'headers 5 block false', 'broken stream 5 1'])
})

const anyFrame = fc
  .tuple(
    fc.integer({ min: 0, max: 11 }),
    fc.integer({ min: 0, max: 63 }),
    fc.integer({ min: 0, max: 5 }),
    fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(numbers(1), numbers(1, 2), settingsBytes())),
  )
  .map(([type, flags, stream, payload]) => frame(type, flags, stream, payload))

function settingsBytes(): Buffer {
  return Buffer.from([0, 4, 0, 0, 255, 255])
}

test('however the bytes are split, the same is read', () => {
  fc.assert(
    fc.property(
      fc.array(anyFrame, { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (frames, splits) => {
        const bytes = Buffer.concat([SETTINGS, ...frames])
        const places = [...new Set(splits.map((place) => place % bytes.length)), 0, bytes.length].toSorted(
          (a, b) => a - b,
        )
        const pieces = places.slice(1).map((place, index) => bytes.subarray(places[index], place))
        expect(eventsOf(pieces)).toEqual(eventsOf([bytes]))
      },
    ),
    { numRuns: 2_000 },
  )
})

test('bytes that are no frames end the connection or wait for more, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      expect(() => eventsOf([SETTINGS, Buffer.from(noise)])).not.toThrow()
    }),
    { numRuns: 2_000 },
  )
})
