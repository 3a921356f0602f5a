import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  encodeFrame,
  FrameDecoder,
  FrameError,
  MAX_FRAME_BYTES,
  PROTOCOL_VERSION,
  type BootFailure,
  type SupervisorMessage,
  type WorkerMessage,
} from '../src/protocol.ts'

// The built-in alphabets take seconds to set up on a busy machine.
const codeUnit = fc.nat({ max: 0xff_ff }).map((code) => String.fromCharCode(code))
const text = fc.string({ unit: codeUnit, maxLength: 40 })
const count = fc.nat()

const bootFailure: fc.Arbitrary<BootFailure> = fc.record(
  {
    kind: fc.constantFrom<BootFailure['kind']>(
      'not-found',
      'compile',
      'import',
      'no-handler',
      'own-port',
      'ready-hook',
      'socket',
    ),
    message: text,
    file: text,
    line: count,
    column: count,
    frame: text,
    stack: text,
  },
  { requiredKeys: ['kind', 'message'] },
)

const workerMessage: fc.Arbitrary<WorkerMessage> = fc.oneof(
  fc.record({ type: fc.constant('hello'), version: count, workerId: count, pid: count }),
  fc.record({ type: fc.constant('listening'), socket: text }),
  fc.record({
    type: fc.constant('ready'),
    bootMs: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
    entry: text,
  }),
  fc.record({ type: fc.constant('failed'), failure: bootFailure }),
  fc.record(
    {
      type: fc.constant('beacon'),
      inFlight: count,
      webSockets: count,
      eventStreams: count,
      requests: count,
      rssBytes: count,
      freeDescriptors: count,
      loopLagMs: count,
      published: count,
      delivered: count,
      dropped: count,
    },
    {
      requiredKeys: [
        'type',
        'inFlight',
        'webSockets',
        'eventStreams',
        'requests',
        'rssBytes',
        'loopLagMs',
        'published',
        'delivered',
        'dropped',
      ],
    },
  ),
  fc.record({
    type: fc.constant('leaving'),
    reason: fc.constantFrom('signal' as const, 'supervisor-gone' as const, 'unhealthy' as const),
    inFlight: count,
  }),
  fc.record({ type: fc.constant('stands-by'), order: count }),
  fc.record({ type: fc.constant('drained'), abandoned: count }),
)

const supervisorMessage: fc.Arbitrary<SupervisorMessage> = fc.oneof(
  fc.record(
    {
      type: fc.constant('welcome'),
      version: fc.constant(PROTOCOL_VERSION),
      beaconMs: count,
      standby: fc.boolean(),
    },
    { requiredKeys: ['type', 'version', 'beaconMs'] },
  ),
  fc.record({ type: fc.constant('standby'), order: count }),
  fc.record({ type: fc.constant('resume') }),
  fc.record({ type: fc.constant('drain'), deadlineMs: count }),
  fc.record({ type: fc.constant('ping') }),
)

/** Cuts bytes at the given fractions of their length. */
function split(bytes: Uint8Array, fractions: readonly number[]): Uint8Array[] {
  const cuts = fractions.map((fraction) => Math.floor(fraction * bytes.length)).toSorted((a, b) => a - b)
  return [0, ...cuts].map((start, index) => bytes.subarray(start, cuts[index] ?? bytes.length))
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

function frameOf(body: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(body)
  const header = Buffer.alloc(4)
  header.writeUInt32BE(bytes.length)
  return join([header, bytes])
}

function failureOf(action: () => unknown): FrameError | undefined {
  try {
    action()
  } catch (error) {
    if (error instanceof FrameError) return error
    throw error
  }
  return undefined
}

function errorCode(action: () => unknown): string {
  return failureOf(action)?.code ?? 'no error'
}

describe('frames', () => {
  test('any messages survive any splitting of the stream', () => {
    const fractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 })
    const messages = fc.array(fc.oneof(workerMessage, supervisorMessage), { maxLength: 12 })
    fc.assert(
      fc.property(messages, fractions, (sent, cuts) => {
        const decoder = new FrameDecoder()
        const received = split(join(sent.map(encodeFrame)), cuts).flatMap((part) => decoder.push(part))
        decoder.end()
        expect(received).toEqual(JSON.parse(JSON.stringify(sent)))
      }),
    )
  })

  test('any bytes end in messages or in a frame error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const decoder = new FrameDecoder()
        expect(errorCode(() => decoder.push(bytes))).toBeOneOf(['no error', 'too-long', 'malformed'])
      }),
    )
  })

  test('the length comes first, big-endian, in bytes', () => {
    expect([...encodeFrame('é')]).toEqual([0, 0, 0, 4, 0x22, 0xc3, 0xa9, 0x22])
  })

  test('one byte at a time', () => {
    const decoder = new FrameDecoder()
    const received = [...encodeFrame({ type: 'ping' })].flatMap((byte) => decoder.push(Uint8Array.of(byte)))
    expect(received).toEqual([{ type: 'ping' }])
  })

  test('a message of exactly the limit passes, one byte more is refused on both sides', () => {
    const fitting = 'x'.repeat(MAX_FRAME_BYTES - 2)
    expect(new FrameDecoder().push(encodeFrame(fitting))).toEqual([fitting])
    expect(errorCode(() => encodeFrame(`${fitting}x`))).toBe('too-long')
    const header = Uint8Array.of(0, 0x10, 0, 1)
    expect(errorCode(() => new FrameDecoder().push(header))).toBe('too-long')
  })

  test('an HTTP peer is recognised by its first four bytes', () => {
    const decoder = new FrameDecoder()
    expect(errorCode(() => decoder.push(Buffer.from('GET / HTTP/1.1\r\n\r\n')))).toBe('too-long')
  })

  test.each([
    ['half of JSON', frameOf('{"type"')],
    ['an empty frame', frameOf('')],
    ['invalid UTF-8', frameOf(Uint8Array.of(0x22, 0xff, 0x22))],
  ])('%s is refused; messages in front of it are kept, later ones are not taken', (_, broken) => {
    const decoder = new FrameDecoder()
    const ping = encodeFrame({ type: 'ping' })
    const failure = failureOf(() => decoder.push(join([ping, broken, ping])))
    expect(failure?.code).toBe('malformed')
    expect(failure?.messages).toEqual([{ type: 'ping' }])
    expect(failureOf(() => decoder.push(ping))).toBe(failure)
  })

  test.each([1, 3, 4, 9])('an end after %d bytes of a frame is an error', (bytes) => {
    const decoder = new FrameDecoder()
    decoder.push(encodeFrame({ type: 'ping' }).subarray(0, bytes))
    expect(errorCode(() => decoder.end())).toBe('truncated')
  })
})
