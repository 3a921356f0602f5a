import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Trailers } from '../../src/forwarding/trailers.ts'
import { RequestHead } from '../../src/http1/request-head.ts'
import { Http1Request, type BodySink } from '../../src/listener/http1-request.ts'
import { bytes, cutAt, SMALL_LIMITS } from '../http1/feeding.ts'

/** Notes what it is handed, and wants no more after so many runs. */
class Sink implements BodySink {
  body = ''
  ends = 0
  refusedWith = 0
  trailers: Trailers | undefined
  runsLeft: number

  constructor(runs: number = Number.POSITIVE_INFINITY) {
    this.runsLeft = runs
  }

  get wantsInput(): boolean {
    return this.runsLeft > 0 && this.ends === 0 && this.refusedWith === 0
  }

  take(chunk: Buffer, from: number, to: number): void {
    this.runsLeft--
    this.body += chunk.toString('latin1', from, to)
  }

  bodyEnded(trailers: Trailers | undefined): void {
    this.ends++
    this.trailers = trailers
  }

  bodyRefused(status: number): void {
    this.refusedWith = status
  }
}

function begun(head: string): Http1Request {
  const parsed = new RequestHead(SMALL_LIMITS)
  const all = bytes(head)
  expect(parsed.feed(all, 0, all.length)).toBe(all.length)
  expect(parsed.check()).toBeUndefined()
  const request = new Http1Request(SMALL_LIMITS, ['websocket'])
  request.begin(parsed)
  return request
}

const POST = 'POST / HTTP/1.1\r\nHost: h\r\n'
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`

/** Hands everything over, again and again where the sink stops. @returns how many bytes were taken */
function takeAll(request: Http1Request, pieces: readonly Buffer[], sink: Sink): number {
  let taken = 0
  for (const piece of pieces) {
    for (let at = 0; at < piece.length && sink.wantsInput;) at = request.take(piece, at, piece.length, sink)
    if (!sink.wantsInput) return taken
    taken += piece.length
  }
  return taken
}

describe('the body of a request', () => {
  test('of declared length ends in front of the next request', () => {
    const request = begun(`${POST}Content-Length: 5\r\n\r\n`)
    const sink = new Sink()
    expect(request.isComplete).toBe(false)
    expect(request.take(bytes('helloGET'), 0, 8, sink)).toBe(5)
    expect([sink.body, sink.ends, request.isComplete]).toEqual(['hello', 1, true])
  })

  test('in chunks ends in front of the next request', () => {
    const request = begun(CHUNKED)
    const sink = new Sink()
    const input = bytes('5\r\nhello\r\n0\r\n\r\nGET')
    expect(request.take(input, 0, input.length, sink)).toBe(input.length - 3)
    expect([sink.body, sink.ends, sink.trailers]).toEqual(['hello', 1, undefined])
    expect(request.isComplete).toBe(true)
  })

  test('is complete from the start where there is none', () => {
    for (const fields of ['', 'Content-Length: 0\r\n'])
      expect(begun(`${POST}${fields}\r\n`).isComplete).toBe(true)
  })

  test('is the same wherever the input is split and however often the exchange wants no more', () => {
    const chunks = fc.array(fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme-ascii' }), {
      maxLength: 6,
    })
    const cuts = fc.array(fc.nat({ max: 150 }), { maxLength: 6 })
    fc.assert(
      fc.property(chunks, cuts, fc.integer({ min: 1, max: 3 }), (data, offsets, runs) => {
        const input = data.map((each) => `${each.length.toString(16)}\r\n${each}\r\n`).join('')
        const all = bytes(`${input}0\r\n\r\n`)
        const pieces = cutAt(
          all,
          offsets.map((offset) => offset % all.length),
        )
        const request = begun(CHUNKED)
        const sink = new Sink()
        for (const piece of pieces)
          for (let at = 0; at < piece.length;) {
            sink.runsLeft = runs
            const before = at
            at = request.take(piece, at, piece.length, sink)
            expect(at).toBeGreaterThan(before)
            expect(sink.runsLeft).toBeGreaterThanOrEqual(0)
          }
        expect(sink.body).toBe(data.join(''))
        expect([sink.ends, request.isComplete]).toEqual([1, true])
      }),
    )
  })

  test('is not read further than the exchange wants it', () => {
    const request = begun(CHUNKED)
    const sink = new Sink(1)
    const input = bytes('1\r\na\r\n1\r\nb\r\n0\r\n\r\n')
    const at = request.take(input, 0, input.length, sink)
    expect([sink.body, sink.ends, request.isComplete]).toEqual(['a', 0, false])
    sink.runsLeft = 1
    expect(request.take(input, at, input.length, sink)).toBeLessThan(input.length)
    expect(sink.body).toBe('ab')
  })

  test('that is malformed is refused once, with the status of its fault', () => {
    const request = begun(CHUNKED)
    const sink = new Sink()
    expect(takeAll(request, [bytes('1\r\na\r\n'), bytes('zz\r\n'), bytes('1\r\nb\r\n')], sink)).toBe(6)
    expect([sink.body, sink.refusedWith, sink.ends, request.isComplete]).toEqual(['a', 400, 0, false])
  })

  test('is followed by trailers, of which those do not pass that the head called its own', () => {
    const request = begun(`${POST}Connection: x-hop\r\nTransfer-Encoding: chunked\r\n\r\n`)
    const sink = new Sink()
    const input = bytes('0\r\nX-Sum: 1\r\nX-Hop: 2\r\nHost: 3\r\n\r\n')
    expect(request.take(input, 0, input.length, sink)).toBe(input.length)
    expect([0, 1, 2].map((index) => sink.trailers!.drops(index))).toEqual([false, true, true])
  })

  test('of a tunnel is everything, without an end', () => {
    const request = begun('GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
    const sink = new Sink()
    expect(request.upgrade).toBe('websocket')
    request.becomeTunnel()
    expect(request.take(bytes('frames'), 0, 6, sink)).toBe(6)
    expect([sink.body, sink.ends]).toEqual(['frames', 0])
  })

  test('of a request that is refused is never complete: the connection is read until the client has its answer', () => {
    const request = begun('GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
    request.refuse()
    expect([request.isComplete, request.upgrade, request.takesTrailers]).toEqual([false, undefined, false])
  })
})
