/**
 * What a server of HTTP/2 has to do with frames that are right, unusual, or wrong, sent over a socket: the situations that
 * public suites for HTTP/2 try, in the order of RFC 9113 and RFC 7541. `request-fields.test.ts` has more for fields.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ERROR } from '../../../src/http2/error-code.ts'
import { FLAG, FRAME } from '../../../src/http2/frame-type.ts'
import { TestBalancer, eventually } from '../../exchange/data-plane.ts'
import { SETTINGS, frame, numbers, settingsOf } from '../../http2/frames.ts'
import { FrameClient, fieldOf } from './frame-client.ts'

const { endHeaders, endStream, padded, priority, ack } = FLAG
const WHOLE = endHeaders | endStream
const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex')
const bytes = (...parts: readonly (Buffer | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? hex(part) : part)))
const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
/** A literal field, never to be indexed. */
const field = (name: string, value: string): Buffer => bytes('10', text(name), text(value))

const AUTHORITY = bytes('01', text('h.test'))
/** `:method` GET, `:scheme` http, `:path` /, and the authority. */
const GET = bytes('82 86 84', AUTHORITY)
const HEAD = bytes('02', text('HEAD'), '86 84', AUTHORITY)
const POST = bytes('83 86 84', AUTHORITY)

const headers = (stream: number, block: Buffer = GET, flags: number = WHOLE): Buffer =>
  frame(FRAME.headers, flags, stream, block)
const continuation = (stream: number, block: Buffer, flags: number = endHeaders): Buffer =>
  frame(FRAME.continuation, flags, stream, block)
const data = (stream: number, body: Buffer | string = 'body', flags: number = endStream): Buffer =>
  frame(FRAME.data, flags, stream, body)
const reset = (stream: number, code = 8): Buffer => frame(FRAME.resetStream, 0, stream, numbers(code))
const room = (stream: number, bytes: number): Buffer => frame(FRAME.windowUpdate, 0, stream, numbers(bytes))
const depends = (stream: number, on: number, weight = 15): Buffer =>
  frame(FRAME.priority, 0, stream, bytes(numbers(on), Buffer.from([weight])))
const settings = (...entries: readonly (readonly [number, number])[]): Buffer =>
  frame(FRAME.settings, 0, 0, settingsOf(...entries))
const PING = frame(FRAME.ping, 0, 0, 'whatever')

/** What is to happen. */
type Outcome =
  /** The connection goes on: a PING is answered, and so is a request. */
  | { readonly kind: 'goes-on' }
  | { readonly kind: 'answered'; readonly stream: number; readonly body?: string }
  /** RST_STREAM, or an error of the connection in its place (RFC 9113 §5.4). */
  | { readonly kind: 'stream-ends'; readonly stream: number; readonly codes: readonly number[] }
  | { readonly kind: 'connection-ends'; readonly codes: readonly number[] }

const goesOn: Outcome = { kind: 'goes-on' }
const answered = (stream: number, body?: string): Outcome => ({
  kind: 'answered',
  stream,
  ...(body !== undefined && { body }),
})
const streamEnds = (stream: number, ...codes: readonly number[]): Outcome => ({
  kind: 'stream-ends',
  stream,
  codes,
})
const connectionEnds = (...codes: readonly number[]): Outcome => ({ kind: 'connection-ends', codes })

/** Writes one thing after the other; a number waits until the stream has been answered, or reset. */
type Row = readonly [name: string, sent: readonly (Buffer | number)[], outcome: Outcome]

const AT_WORK: readonly (readonly [section: string, rows: readonly Row[]])[] = [
  [
    'streams (§5.1)',
    [
      ['PRIORITY of an idle stream', [depends(1, 0), headers(1)], answered(1)],
      ['WINDOW_UPDATE of a stream that waits for its answer', [headers(1), room(1, 100)], answered(1)],
      ['PRIORITY of such a stream', [headers(1), depends(1, 0)], answered(1)],
      ['RST_STREAM of such a stream', [headers(1), reset(1)], goesOn],
      ['PRIORITY of a stream that is over', [headers(1), 1, depends(1, 0)], goesOn],
      ['DATA of an idle stream', [data(1)], connectionEnds(ERROR.protocol)],
      ['RST_STREAM of an idle stream', [reset(1)], connectionEnds(ERROR.protocol)],
      ['WINDOW_UPDATE of an idle stream', [room(1, 100)], connectionEnds(ERROR.protocol)],
      ['CONTINUATION of an idle stream', [continuation(1, GET)], connectionEnds(ERROR.protocol)],
      ['DATA behind the end of a request', [headers(1), data(1)], streamEnds(1, ERROR.streamClosed)],
      ['HEADERS behind the end of a request', [headers(1), headers(1)], streamEnds(1, ERROR.streamClosed)],
      [
        'CONTINUATION behind the end of a request',
        [headers(1), continuation(1, GET)],
        connectionEnds(ERROR.streamClosed, ERROR.protocol),
      ],
      [
        'DATA behind RST_STREAM',
        [headers(1, POST, endHeaders), reset(1), data(1)],
        streamEnds(1, ERROR.streamClosed),
      ],
      [
        'HEADERS behind RST_STREAM',
        [headers(1, POST, endHeaders), reset(1), headers(1)],
        streamEnds(1, ERROR.streamClosed),
      ],
      [
        'CONTINUATION behind RST_STREAM',
        [headers(1, POST, endHeaders), reset(1), continuation(1, GET)],
        connectionEnds(ERROR.streamClosed, ERROR.protocol),
      ],
      ['DATA of a stream that is over', [headers(1), 1, data(1)], streamEnds(1, ERROR.streamClosed)],
      ['HEADERS of a stream that is over', [headers(1), 1, headers(1)], connectionEnds(ERROR.streamClosed)],
      [
        'CONTINUATION of a stream that is over',
        [headers(1), 1, continuation(1, GET)],
        connectionEnds(ERROR.streamClosed, ERROR.protocol),
      ],
      ['a stream with an even number', [headers(2)], connectionEnds(ERROR.protocol)],
      ['a stream with a lower number', [headers(5), headers(3)], connectionEnds(ERROR.protocol)],
      [
        'more streams than there may be',
        Array.from({ length: 129 }, (_, at) => headers(1 + 2 * at, POST, endHeaders)),
        streamEnds(257, ERROR.refusedStream, ERROR.protocol),
      ],
      [
        'HEADERS that depend on themselves',
        [headers(1, bytes(numbers(1), 'ff', GET), WHOLE | priority)],
        streamEnds(1, ERROR.protocol),
      ],
      ['PRIORITY that depends on itself', [depends(3, 3)], streamEnds(3, ERROR.protocol)],
      [
        'PRIORITY of an idle stream in front of a stream with a lower number',
        [depends(5, 1), headers(3)],
        answered(3),
      ],
    ],
  ],
  [
    'frames (§4, §5.5)',
    [
      ['a frame of an unknown type', [frame(0x16, 0, 0, 'anything')], goesOn],
      ['a flag that is not defined', [frame(FRAME.ping, 0x16, 0, 'whatever')], goesOn],
      ['a reserved bit', [frame(FRAME.ping, 0, 0x80000000, 'whatever')], goesOn],
      ['DATA of 16,384 octets', [headers(1, POST, endHeaders), data(1, Buffer.alloc(16_384))], answered(1)],
      [
        'DATA of one octet more',
        [headers(1, POST, endHeaders), data(1, Buffer.alloc(16_385))],
        streamEnds(1, ERROR.frameSize),
      ],
      ['HEADERS of one octet more', [headers(1, Buffer.alloc(16_385))], connectionEnds(ERROR.frameSize)],
      ['an invalid header block', [headers(1, hex('40'))], connectionEnds(ERROR.compression)],
      [
        'PRIORITY within a header block',
        [headers(1, GET, endStream), depends(1, 0), continuation(1, hex(''))],
        connectionEnds(ERROR.protocol),
      ],
      [
        'HEADERS of another stream within a header block',
        [headers(1, GET, endStream), headers(3)],
        connectionEnds(ERROR.protocol),
      ],
      [
        'a frame of an unknown type within a header block',
        [headers(1, GET, endStream), frame(0x16, 0, 0, 'anything')],
        connectionEnds(ERROR.protocol),
      ],
      [
        'an invalid PING ends the connection',
        [frame(FRAME.ping, 0, 0, 'short')],
        connectionEnds(ERROR.frameSize),
      ],
    ],
  ],
  [
    'DATA (§6.1)',
    [
      ['one frame', [headers(1, POST, endHeaders), data(1)], answered(1)],
      ['several frames', [headers(1, POST, endHeaders), data(1, 'a', 0), data(1, 'b')], answered(1)],
      [
        'a padding',
        [
          headers(1, POST, endHeaders),
          data(1, bytes('04', Buffer.from('body'), '00000000'), endStream | padded),
        ],
        answered(1),
      ],
      ['of no stream', [headers(1, POST, endHeaders), data(0)], connectionEnds(ERROR.protocol)],
      ['of a stream that has ended', [headers(1), data(1)], streamEnds(1, ERROR.streamClosed)],
      [
        'a padding that is longer than the frame',
        [headers(1, POST, endHeaders), data(1, bytes('06', Buffer.from('body')), endStream | padded)],
        connectionEnds(ERROR.protocol),
      ],
    ],
  ],
  [
    'HEADERS (§6.2)',
    [
      ['one frame', [headers(1)], answered(1)],
      ['a padding', [headers(1, bytes('04', GET, '00000000'), WHOLE | padded)], answered(1)],
      ['a priority', [headers(1, bytes('00000000 0f', GET), WHOLE | priority)], answered(1)],
      [
        'PRIORITY before they are complete',
        [headers(1, GET, endStream), depends(1, 0)],
        connectionEnds(ERROR.protocol),
      ],
      [
        'HEADERS of another stream before they are complete',
        [headers(1, GET, endStream), headers(3)],
        connectionEnds(ERROR.protocol),
      ],
      ['of no stream', [headers(0)], connectionEnds(ERROR.protocol)],
      [
        'a padding that is longer than the frame',
        [headers(1, bytes('ff', GET), WHOLE | padded)],
        connectionEnds(ERROR.protocol),
      ],
    ],
  ],
  [
    'PRIORITY (§6.3)',
    [
      ['the least weight', [depends(1, 0, 0)], goesOn],
      ['the greatest weight', [depends(1, 0, 255)], goesOn],
      ['a stream it depends on', [depends(1, 0), depends(3, 1)], goesOn],
      ['an exclusive one', [depends(3, 0x80000001)], goesOn],
      ['of no stream', [depends(0, 1)], connectionEnds(ERROR.protocol)],
      ['of four octets', [frame(FRAME.priority, 0, 1, numbers(0))], streamEnds(1, ERROR.frameSize)],
    ],
  ],
  [
    'RST_STREAM (§6.4)',
    [
      ['of an open stream', [headers(1, POST, endHeaders), reset(1)], goesOn],
      ['of no stream', [reset(0)], connectionEnds(ERROR.protocol)],
      ['of an idle stream', [reset(1)], connectionEnds(ERROR.protocol)],
      [
        'of three octets',
        [headers(1, POST, endHeaders), frame(FRAME.resetStream, 0, 1, hex('000000'))],
        connectionEnds(ERROR.frameSize),
      ],
      ['a code nobody knows', [headers(1, POST, endHeaders), reset(1, 0xff)], goesOn],
    ],
  ],
  [
    'SETTINGS (§6.5)',
    [
      [
        'all that are known',
        [settings([1, 4096], [2, 0], [3, 100], [4, 65_535], [5, 16_384], [6, 100])],
        goesOn,
      ],
      ['one nobody knows', [settings([0xff, 1])], goesOn],
      [
        'an acknowledgement with a payload',
        [frame(FRAME.settings, ack, 0, hex('00'))],
        connectionEnds(ERROR.frameSize),
      ],
      ['of a stream', [frame(FRAME.settings, 0, 1, '')], connectionEnds(ERROR.protocol)],
      ['of three octets', [frame(FRAME.settings, 0, 0, hex('000300'))], connectionEnds(ERROR.frameSize)],
      ['ENABLE_PUSH of 2', [settings([2, 2])], connectionEnds(ERROR.protocol)],
      ['INITIAL_WINDOW_SIZE of 2^31', [settings([4, 2 ** 31])], connectionEnds(ERROR.flowControl)],
      ['MAX_FRAME_SIZE of 16,383', [settings([5, 16_383])], connectionEnds(ERROR.protocol)],
      ['MAX_FRAME_SIZE of 2^24', [settings([5, 2 ** 24])], connectionEnds(ERROR.protocol)],
      [
        'INITIAL_WINDOW_SIZE twice: the last one counts',
        [settings([4, 100], [4, 1]), headers(1), room(1, 1)],
        answered(1, 'ok'),
      ],
    ],
  ],
  [
    'PUSH_PROMISE (§6.6)',
    [['from a client', [frame(0x5, endHeaders, 1, bytes(numbers(2), GET))], connectionEnds(ERROR.protocol)]],
  ],
  [
    'PING (§6.7)',
    [
      ['is answered', [PING], goesOn],
      ['an acknowledgement is not answered', [frame(FRAME.ping, ack, 0, 'whatever')], goesOn],
      ['of a stream', [frame(FRAME.ping, 0, 1, 'whatever')], connectionEnds(ERROR.protocol)],
      ['of six octets', [frame(FRAME.ping, 0, 0, 'whatev')], connectionEnds(ERROR.frameSize)],
    ],
  ],
  [
    'GOAWAY (§6.8)',
    [
      ['what was asked is answered', [headers(1), frame(FRAME.goAway, 0, 0, numbers(0, 0))], answered(1)],
      ['a code nobody knows', [headers(1), frame(FRAME.goAway, 0, 0, numbers(0, 0xff))], answered(1)],
      ['of a stream', [frame(FRAME.goAway, 0, 1, numbers(0, 0))], connectionEnds(ERROR.protocol)],
    ],
  ],
  [
    'WINDOW_UPDATE (§6.9)',
    [
      ['of the connection', [room(0, 1)], goesOn],
      ['of a stream', [headers(1, POST, endHeaders), room(1, 1), data(1)], answered(1)],
      ['of nothing', [room(0, 0)], connectionEnds(ERROR.protocol)],
      ['of nothing, of a stream', [headers(1, POST, endHeaders), room(1, 0)], streamEnds(1, ERROR.protocol)],
      ['of three octets', [frame(FRAME.windowUpdate, 0, 0, hex('000001'))], connectionEnds(ERROR.frameSize)],
      ['a window of one octet is kept', [settings([4, 1]), headers(1), room(1, 1)], answered(1, 'ok')],
      [
        'a window beyond 2^31-1',
        [room(0, 2 ** 31 - 1), room(0, 2 ** 31 - 1)],
        connectionEnds(ERROR.flowControl),
      ],
      [
        'a window of a stream beyond 2^31-1',
        [headers(1, POST, endHeaders), room(1, 2 ** 31 - 1), room(1, 2 ** 31 - 1)],
        streamEnds(1, ERROR.flowControl),
      ],
      [
        'the initial window grows for streams that are open',
        [settings([4, 0]), headers(1), settings([4, 2])],
        answered(1, 'ok'),
      ],
      [
        'a window that has become negative has to be filled first',
        [settings([4, 1]), headers(1, POST, endHeaders), settings([4, 0]), data(1), room(1, 2)],
        answered(1, 'ok'),
      ],
      [
        'the initial window makes that of a stream larger than 2^31-1',
        [headers(1, POST, endHeaders), room(1, 2 ** 31 - 1 - 65_535), settings([4, 65_536])],
        connectionEnds(ERROR.flowControl),
      ],
    ],
  ],
  [
    'CONTINUATION (§6.10)',
    [
      [
        'one frame',
        [headers(1, GET.subarray(0, 2), endStream), continuation(1, GET.subarray(2))],
        answered(1),
      ],
      [
        'several frames',
        [
          headers(1, GET.subarray(0, 2), endStream),
          continuation(1, GET.subarray(2, 3), 0),
          continuation(1, GET.subarray(3)),
        ],
        answered(1),
      ],
      [
        'followed by another frame before its end',
        [headers(1, GET.subarray(0, 2), endStream), continuation(1, GET.subarray(2), 0), data(1)],
        connectionEnds(ERROR.protocol),
      ],
      ['of no stream', [headers(1, GET, endStream), continuation(0, GET)], connectionEnds(ERROR.protocol)],
      ['behind complete HEADERS', [headers(1), continuation(1, GET)], connectionEnds(ERROR.protocol)],
      [
        'behind a complete CONTINUATION',
        [headers(1, GET, endStream), continuation(1, hex('')), continuation(1, GET)],
        connectionEnds(ERROR.protocol),
      ],
      [
        'behind DATA',
        [headers(1, POST, endHeaders), data(1, 'a', 0), continuation(1, GET)],
        connectionEnds(ERROR.protocol),
      ],
    ],
  ],
  [
    'requests (§8)',
    [
      ['GET', [headers(1)], answered(1, 'ok')],
      ['HEAD', [headers(1, HEAD)], answered(1, '')],
      ['POST', [headers(1, POST, endHeaders), data(1)], answered(1, 'ok')],
      [
        'POST with trailers',
        [headers(1, POST, endHeaders), data(1, 'a', 0), headers(1, field('x-sum', '7'))],
        answered(1, 'ok'),
      ],
      [
        'a second HEADERS frame that does not end the stream',
        [headers(1, POST, endHeaders), headers(1, field('x', 'y'), endHeaders)],
        streamEnds(1, ERROR.protocol),
      ],
      ['a name in capitals', [headers(1, bytes(GET, field('X-TEST', 'a')))], streamEnds(1, ERROR.protocol)],
      [
        'a pseudo field nobody knows',
        [headers(1, bytes(GET, field(':test', 'a')))],
        streamEnds(1, ERROR.protocol),
      ],
      ['a pseudo field of responses', [headers(1, bytes(GET, '88'))], streamEnds(1, ERROR.protocol)],
      [
        'a pseudo field in the trailers',
        [headers(1, POST, endHeaders), data(1, 'a', 0), headers(1, hex('82'))],
        streamEnds(1, ERROR.protocol),
      ],
      [
        'a pseudo field behind another one',
        [headers(1, bytes('82 86', field('x', 'y'), '84', AUTHORITY))],
        streamEnds(1, ERROR.protocol),
      ],
      [
        'connection',
        [headers(1, bytes(GET, field('connection', 'keep-alive')))],
        streamEnds(1, ERROR.protocol),
      ],
      [
        'te: trailers, deflate',
        [headers(1, bytes(GET, field('te', 'trailers, deflate')))],
        streamEnds(1, ERROR.protocol),
      ],
      ['an empty path', [headers(1, bytes('82 86 04 00', AUTHORITY))], streamEnds(1, ERROR.protocol)],
      ['no method', [headers(1, bytes('86 84', AUTHORITY))], streamEnds(1, ERROR.protocol)],
      ['no scheme', [headers(1, bytes('82 84', AUTHORITY))], streamEnds(1, ERROR.protocol)],
      ['no path', [headers(1, bytes('82 86', AUTHORITY))], streamEnds(1, ERROR.protocol)],
      ['two methods', [headers(1, bytes('82', GET))], streamEnds(1, ERROR.protocol)],
      ['two schemes', [headers(1, bytes('86', GET))], streamEnds(1, ERROR.protocol)],
      ['two paths', [headers(1, bytes('84', GET))], streamEnds(1, ERROR.protocol)],
      [
        'a length other than that of DATA',
        [headers(1, bytes(POST, field('content-length', '1')), endHeaders), data(1)],
        streamEnds(1, ERROR.protocol),
      ],
      [
        'a length other than that of several DATA frames',
        [headers(1, bytes(POST, field('content-length', '1')), endHeaders), data(1, 'a', 0), data(1)],
        streamEnds(1, ERROR.protocol),
      ],
    ],
  ],
  [
    'HPACK (RFC 7541)',
    [
      ['an index', [headers(1, GET)], answered(1)],
      [
        'a literal that is indexed, with a name of the table',
        [headers(1, bytes(GET, '50', text('gzip')))],
        answered(1),
      ],
      [
        'the same in Huffman code',
        [headers(1, bytes('82 86 84', '41 8c f1e3 c2e5 f23a 6ba0 ab90 f4ff'))],
        answered(1),
      ],
      [
        'a literal that is indexed, with a new name',
        [headers(1, bytes(GET, '40', text('x-a'), text('b')))],
        answered(1),
      ],
      [
        'the same in Huffman code',
        [headers(1, bytes(GET, '40 88 25a8 49e9 5ba9 7d7f 89 25a8 49e9 5bb8 e8b4 bf'))],
        answered(1),
      ],
      [
        'a literal that is not indexed, with a name of the table',
        [headers(1, bytes(GET, '0f 01', text('gzip')))],
        answered(1),
      ],
      ['the same in Huffman code', [headers(1, bytes(GET, '0f 09 86 a8eb 1064 9cbf'))], answered(1)],
      [
        'a literal that is not indexed, with a new name',
        [headers(1, bytes(GET, '00', text('x-a'), text('b')))],
        answered(1),
      ],
      [
        'the same in Huffman code',
        [headers(1, bytes(GET, '00 88 25a8 49e9 5ba9 7d7f 89 25a8 49e9 5bb8 e8b4 bf'))],
        answered(1),
      ],
      [
        'a literal that is never indexed, with a name of the table',
        [headers(1, bytes(GET, '1f 01', text('gzip')))],
        answered(1),
      ],
      ['the same in Huffman code', [headers(1, bytes(GET, '1f 09 86 a8eb 1064 9cbf'))], answered(1)],
      [
        'a literal that is never indexed, with a new name',
        [headers(1, bytes(GET, field('x-a', 'b')))],
        answered(1),
      ],
      [
        'the same in Huffman code',
        [headers(1, bytes(GET, '10 88 25a8 49e9 5ba9 7d7f 89 25a8 49e9 5bb8 e8b4 bf'))],
        answered(1),
      ],
      ['a size of the table', [headers(1, bytes('20', GET))], answered(1)],
      ['two sizes of the table', [headers(1, bytes('20 3f e1 1f', GET))], answered(1)],
      ['an index that there is not', [headers(1, bytes(GET, 'c6'))], connectionEnds(ERROR.compression)],
      [
        'a name that there is not',
        [headers(1, bytes(GET, '7f 07', text('b')))],
        connectionEnds(ERROR.compression),
      ],
      ['a size behind a field', [headers(1, bytes(GET, '20'))], connectionEnds(ERROR.compression)],
      [
        'padding of more than seven bits',
        [headers(1, bytes(GET, '0f 09 82 1fff'))],
        connectionEnds(ERROR.compression),
      ],
      ['padding of zeros', [headers(1, bytes(GET, '0f 09 81 18'))], connectionEnds(ERROR.compression)],
      ['EOS in a string', [headers(1, bytes(GET, '0f 09 84 ffff fffc'))], connectionEnds(ERROR.compression)],
      ['index 0', [headers(1, bytes(GET, '80'))], connectionEnds(ERROR.compression)],
      [
        'a size beyond the one announced',
        [headers(1, bytes('3f e2 1f', GET))],
        connectionEnds(ERROR.compression),
      ],
    ],
  ],
]

let balancer: TestBalancer
let backend: Bun.Server<undefined>
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rip-'))
  const path = join(folder, 'b.sock')
  backend = Bun.serve({
    unix: path,
    async fetch(request) {
      await request.arrayBuffer()
      return new Response('ok')
    },
  })
  balancer = await TestBalancer.start([path], { listener: { http2: true } })
})

afterAll(async () => {
  await balancer[Symbol.asyncDispose]()
  await backend.stop(true)
  rmSync(folder, { recursive: true })
})

async function expectAnswer(client: FrameClient, stream: number, body = 'ok'): Promise<void> {
  const response = await client.settled(stream)
  expect(response).toMatchObject({ ended: true, body, reset: undefined })
  expect(fieldOf(response.blocks[0], ':status')).toBe('200')
}

/** The code of the error the connection ends with. */
async function endOf(client: FrameClient): Promise<number | undefined> {
  await eventually(() => client.ended)
  return client.goAway
}

async function expectOutcome(client: FrameClient, outcome: Outcome): Promise<void> {
  if (outcome.kind === 'answered') return expectAnswer(client, outcome.stream, outcome.body)
  if (outcome.kind === 'connection-ends') return expect(outcome.codes).toContain((await endOf(client))!)
  if (outcome.kind === 'stream-ends') {
    const { reset: code } = await client.settled(outcome.stream)
    return expect(outcome.codes).toContain((code ?? (await endOf(client)))!)
  }
  const answers = (): number =>
    client.frames.filter(({ type, flags }) => type === FRAME.ping && flags === ack).length
  client.write(frame(FRAME.ping, 0, 0, 'the last')).write(headers(99))
  await eventually(() => answers() > 0)
  await expectAnswer(client, 99)
}

for (const [section, rows] of AT_WORK)
  describe(section, () => {
    for (const [name, sent, outcome] of rows)
      test(`${name}: ${outcome.kind}`, async () => {
        using client = await FrameClient.connect(balancer.port)
        for (const step of sent)
          if (typeof step === 'number') await client.settled(step)
          else client.write(step)
        await expectOutcome(client, outcome)
      })
  })

describe('the beginning (§3.4)', () => {
  test('the server sends its SETTINGS, and acknowledges those of the client', async () => {
    using client = await FrameClient.connect(balancer.port)
    expect(client.frames[0]).toMatchObject({ type: FRAME.settings, flags: 0, stream: 0 })
    await expectOutcome(client, goesOn)
  })

  test('a frame other than SETTINGS behind the preface ends the connection', async () => {
    using client = await FrameClient.open(balancer.port)
    client.write(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), PING)
    expect(await endOf(client)).toBe(ERROR.protocol)
  })

  test('SETTINGS are acknowledged, however many', async () => {
    using client = await FrameClient.connect(balancer.port)
    client.write(SETTINGS, SETTINGS)
    await eventually(
      () => client.frames.filter(({ type, flags }) => type === FRAME.settings && flags === ack).length === 3,
    )
  })
})
