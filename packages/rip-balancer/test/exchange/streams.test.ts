/** An exchange between two streams: neither its client nor its backend speaks HTTP/1.1. */
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Glob } from 'bun'
import { RecentAnswers } from '../../src/answers/recent-answers.ts'
import { DataPlane } from '../../src/exchange/data-plane.ts'
import { Exchange } from '../../src/exchange/exchange.ts'
import type { ExchangeRecord } from '../../src/exchange/record.ts'
import type { DataPlaneSettings } from '../../src/exchange/settings.ts'
import { Trailers } from '../../src/forwarding/trailers.ts'
import { FieldSection } from '../../src/http1/field-section.ts'
import { RequestHead } from '../../src/http1/request-head.ts'
import { ResponseHead } from '../../src/http1/response-head.ts'
import type { Claims } from '../../src/pool/claim.ts'
import type { Backend } from '../../src/upstream/backend.ts'
import type { ResponseSink } from '../../src/upstream/response-sink.ts'
import { bytes } from '../http1/feeding.ts'
import { timelessSettings } from './in-process.ts'
import { StreamOfBackend, StreamOfClient } from './streams.ts'

const LIMITS = timelessSettings().limits

const BACKEND: Backend = {
  id: 'b',
  address: { kind: 'unix', path: '/nowhere' },
  maxInFlight: 1,
  inFlight: 0,
  generation: undefined,
  leaving: false,
  onTrial: false,
  answers: new RecentAnswers(),
}

interface Override {
  readonly settings?: Partial<DataPlaneSettings>
  readonly isPressed?: boolean
  /** Whether another backend could be asked. */
  readonly hasOther?: boolean
}

/** A client, its exchange and the streams to the backend, one for each attempt. */
class Streams {
  readonly client = new StreamOfClient()
  readonly backends: StreamOfBackend[] = []
  readonly exchange: Exchange
  readonly plane: DataPlane
  record: { cause: string; protocol: string; status: number; bytesReceived: number } | undefined
  inFlight = 0
  /** The first attempt of a request is made on a connection that was kept. */
  isKept = false

  constructor(override: Override = {}) {
    const settings = { ...timelessSettings(), ...override.settings }
    this.plane = new DataPlane(
      { ...settings, observer: { ...settings.observer, ended: (record) => this.note(record) } },
      this.claims(override),
    )
    this.plane.upstreams.ready = (_backend, sink, _request, isRetry) =>
      this.isKept && !isRetry ? this.open(sink, true) : undefined
    this.plane.upstreams.connect = (_backend, sink) => this.open(sink, false)
    this.exchange = new Exchange(this.plane, this.client)
  }

  get backend(): StreamOfBackend {
    return this.backends.at(-1)!
  }

  /** A request whose backend has taken the connection. */
  begin(line: string, fields = ''): void {
    this.exchange.begin(requestOf(line, fields), 0)
    if (!this.isKept) this.backends.at(-1)?.sink.connected()
  }

  private open(sink: ResponseSink, reused: boolean): StreamOfBackend {
    const stream = new StreamOfBackend(sink, reused)
    this.backends.push(stream)
    return stream
  }

  take(text: string): void {
    this.exchange.take(bytes(text), 0, text.length)
  }

  respond(status: number): void {
    this.backend.answered = true
    this.backend.sink.head(responseOf(status))
  }

  private note({ cause, protocol, status, bytesReceived }: ExchangeRecord): void {
    this.record = { cause, protocol, status, bytesReceived }
  }

  private claims({ isPressed = false, hasOther = true }: Override): Claims {
    return {
      queued: 0,
      capacity: 1,
      isPressed,
      waitsForBackends: false,
      claim: () => (this.inFlight++, BACKEND),
      withdraw: () => {},
      release: () => void this.inFlight--,
      hasRoom: () => true,
      hold: () => {},
      letGo: () => void this.inFlight--,
      mayRetry: () => true,
      hasOther: () => hasOther,
    }
  }
}

/** What a stream makes of its header block, as if it had been one of HTTP/1.1. */
function requestOf(line: string, fields: string): RequestHead {
  const head = new RequestHead(LIMITS)
  const text = bytes(`${line} HTTP/1.1\r\nHost: h\r\n${fields}\r\n`)
  head.feed(text, 0, text.length)
  expect(head.check()).toBeUndefined()
  head.major = 2
  return head
}

function responseOf(status: number): ResponseHead {
  const head = new ResponseHead(LIMITS)
  const text = bytes(`HTTP/1.1 ${status} Whatever\r\n\r\n`)
  head.feed(text, 0, text.length)
  expect(head.check(false)).toBeUndefined()
  return head
}

function trailersOf(text: string): Trailers {
  const fields = new FieldSection(LIMITS)
  const all = bytes(`${text}\r\n\r\n`)
  fields.feed(all, 0, all.length)
  return new Trailers(fields, undefined)
}

const OPEN_ENDED = 'Transfer-Encoding: chunked\r\n'
const WITH_TRAILERS = {
  settings: { forwarding: { ...timelessSettings().forwarding, requestTrailers: true } },
}

test('the exchange reads heads of HTTP/1.1 and knows nothing of its framing and its connections', () => {
  const sources = join(import.meta.dir, '../../src/exchange')
  const files = [...new Glob('*.ts').scanSync(sources)]
  const imported = files.flatMap((file) => {
    const matches = readFileSync(join(sources, file), 'utf8').matchAll(/'\.\.\/(?:http1|listener)\/([^']+)'/g)
    return [...matches].map(([, path]) => path)
  })
  expect(new Set(imported)).toEqual(
    new Set([
      'byte-class.ts',
      'field-name.ts',
      'field-section.ts',
      'known-method.ts',
      'method-number.ts',
      'request-head.ts',
      'request-kind.ts',
      'response-head.ts',
    ]),
  )
})

describe('an exchange between two streams', () => {
  test('passes request and response on, and is recorded with the protocol of the client', () => {
    const streams = new Streams()
    streams.begin('GET /a')
    streams.respond(200)
    streams.backend.sink.data(bytes('hello'), 0, 5)
    streams.backend.sink.complete(undefined)
    expect(streams.backend.said).toEqual(['GET /a', 'end'])
    expect(streams.client.said).toEqual(['head 200', 'data hello', 'end', 'ended'])
    expect(streams.record).toEqual({
      cause: 'completed',
      protocol: 'HTTP/2.0',
      status: 200,
      bytesReceived: 0,
    })
    expect(streams.inFlight).toBe(0)
  })

  test('passes a body of unknown length on, and trailers in both directions', () => {
    const streams = new Streams(WITH_TRAILERS)
    streams.begin('POST /a', OPEN_ENDED)
    streams.take('one')
    streams.take('two')
    streams.exchange.bodyEnded(trailersOf('X-Sum: 6'))
    streams.respond(200)
    streams.backend.sink.complete(trailersOf('Grpc-Status: 0'))
    expect(streams.backend.said).toEqual(['POST /a', 'data one', 'data two', 'end, X-Sum: 6'])
    expect(streams.client.said).toEqual(['head 200', 'end, Grpc-Status: 0', 'ended'])
  })

  test('passes a body on while its response is under way already', () => {
    const streams = new Streams()
    streams.begin('POST /a', OPEN_ENDED)
    streams.respond(200)
    streams.take('one')
    streams.backend.sink.data(bytes('uno'), 0, 3)
    streams.take('two')
    streams.exchange.bodyEnded(undefined)
    streams.backend.sink.complete(undefined)
    expect(streams.backend.said).toEqual(['POST /a', 'data one', 'data two', 'end'])
    expect(streams.client.said).toEqual(['head 200', 'data uno', 'end', 'ended'])
  })

  test('answers a body that the client announced wrongly, and one that grows too large', () => {
    const malformed = new Streams()
    malformed.begin('POST /a', OPEN_ENDED)
    malformed.take('one')
    malformed.exchange.bodyRefused(400)
    expect(malformed.client.said).toEqual(['close after', 'answer 400', 'ended'])
    expect(malformed.backend.said).toEqual(['POST /a', 'data one', 'destroy'])

    const large = new Streams()
    large.begin('POST /a', OPEN_ENDED)
    large.take('x'.repeat(LIMITS.maxBodyBytes))
    large.take('x')
    large.exchange.bodyEnded(undefined)
    expect(large.client.said).toEqual(['close after', 'answer 413', 'ended'])
    expect(large.record?.cause).toBe('bad-request')
    expect(large.inFlight).toBe(0)
  })

  test('reads the body first where backends are scarce: all of it, or as much as may be kept and the run it ended in', () => {
    const whole = new Streams({ ...WITH_TRAILERS, isPressed: true })
    whole.exchange.begin(requestOf('POST /a', OPEN_ENDED), 0)
    whole.take('one')
    whole.take('two')
    expect(whole.backends).toEqual([])
    whole.exchange.bodyEnded(trailersOf('X-Sum: 6'))
    whole.backend.sink.connected()
    expect(whole.backend.said).toEqual(['POST /a', 'data onetwo', 'end, X-Sum: 6'])

    const part = new Streams({ isPressed: true })
    part.exchange.begin(requestOf('POST /a', OPEN_ENDED), 0)
    part.take('y'.repeat(LIMITS.maxRequestBufferBytes - 1))
    expect(part.exchange.wantsInput).toBe(true)
    part.take('zzz')
    expect(part.exchange.wantsInput).toBe(false)
    part.backend.sink.connected()
    expect(part.exchange.wantsInput).toBe(true)
    expect(part.backend.said[1]).toHaveLength('data '.length + LIMITS.maxRequestBufferBytes + 2)
    part.exchange.bodyEnded(undefined)
    expect(part.backend.said.at(-1)).toBe('end')
  })

  test('ends a body that was read first although there is no connection to its backend yet', () => {
    const streams = new Streams({ isPressed: true })
    streams.exchange.begin(requestOf('POST /a', 'Content-Length: 1000\r\n'), 0)
    streams.take('y'.repeat(LIMITS.maxRequestBufferBytes))
    streams.exchange.bodyEnded(undefined)
    streams.backend.sink.connected()
    expect(streams.backend.said.map((each) => each.slice(0, 6))).toEqual(['POST /', 'data y', 'end'])
  })

  test('sends a request again that the backend has not looked at, body and trailers included', () => {
    const streams = new Streams({ settings: { ...WITH_TRAILERS.settings, retries: 1 } })
    streams.begin('PUT /a', OPEN_ENDED)
    streams.take('one')
    streams.exchange.bodyEnded(trailersOf('X-Sum: 3'))
    const [refused] = streams.backends
    refused!.hasSent = false
    refused!.sink.failed('reset')
    streams.backend.sink.connected()
    expect(streams.backends).toHaveLength(2)
    expect(streams.backend.said).toEqual(['PUT /a', 'data one', 'end, X-Sum: 3'])
  })

  test('whose kept connection had been closed, and its new one is closed again, is made once more after a moment', () => {
    const streams = new Streams({ settings: { retries: 1 }, hasOther: false })
    streams.isKept = true
    streams.begin('GET /a')
    streams.backend.sink.failed('reset')
    streams.backend.sink.connected()
    streams.backend.sink.failed('reset')
    expect([streams.backends.length, streams.exchange.phase]).toEqual([2, 'backing-off'])
    streams.exchange.tick(streams.plane.turn.clock.nowMs + 19)
    expect(streams.backends).toHaveLength(2)
    streams.exchange.tick(streams.plane.turn.clock.nowMs + 21)
    streams.backend.sink.connected()
    streams.respond(200)
    streams.backend.sink.complete(undefined)
    expect(streams.record).toMatchObject({ cause: 'completed', status: 200 })
    expect([streams.backends.length, streams.inFlight]).toEqual([3, 0])
  })

  test('is a tunnel when the client asked for one, each side of which ends for itself', () => {
    const streams = new Streams()
    streams.client.upgrade = 'websocket'
    streams.begin('GET /chat')
    streams.backend.sink.switching(responseOf(101))
    expect(streams.exchange.wantsInput).toBe(true)
    streams.take('ping')
    streams.backend.sink.data(bytes('pong'), 0, 4)
    expect(streams.exchange.clientEnded()).toBe(true)
    streams.backend.sink.tunnelEnded()
    streams.backend.sink.failed('reset')
    expect(streams.backend.said).toEqual(['GET /chat', 'end', 'data ping', 'shutdown'])
    expect(streams.client.said).toEqual(['tunnel', 'data pong', 'shutdown', 'ended'])
    expect(streams.record?.cause).toBe('tunnel-closed')
  })

  test('ends with its client: the backend is told, nothing is said to the client', () => {
    const streams = new Streams()
    streams.begin('GET /a')
    streams.exchange.clientGone()
    expect(streams.backend.said).toEqual(['GET /a', 'end', 'destroy'])
    expect(streams.client.said).toEqual([])
    expect(streams.record).toEqual({
      cause: 'client-gone',
      protocol: 'HTTP/2.0',
      status: 499,
      bytesReceived: 0,
    })
  })

  test('is aborted when its backend fails in the middle of the response', () => {
    const streams = new Streams()
    streams.begin('GET /a')
    streams.respond(200)
    streams.backend.sink.failed('reset')
    expect(streams.client.said).toEqual(['head 200', 'abort'])
    expect(streams.exchange.isIdle).toBe(true)
  })
})
