import { expect, setDefaultTimeout, test } from 'bun:test'
import { InProcess, timelessSettings } from './in-process.ts'
import { readRequest, readResponse } from './message-check.ts'

// Ten thousand messages take long on a busy machine.
setDefaultTimeout(60_000)

/** Exchanges per test; `RIP_MUTATIONS` raises it for a long run, `RIP_SEED` repeats one. */
const RUNS = Number(process.env['RIP_MUTATIONS'] ?? 10_000)
const SEED = Number(process.env['RIP_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const requests = [
  'GET /a?b=c HTTP/1.1\r\nHost: h.test\r\nX-A: b\r\nAccept: */*\r\n\r\n',
  'POST /p HTTP/1.1\r\nHost: h.test\r\nContent-Length: 5\r\nContent-Type: t\r\n\r\nhello',
  'POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nX-T: v\r\n\r\n',
  'GET http://h.test/abs HTTP/1.1\r\nHost: other\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\n',
  'PUT /e HTTP/1.1\r\nHost: h:80\r\nContent-Length: 3\r\n\r\nabcGET /next HTTP/1.1\r\nHost: h\r\n\r\n',
  'GET /10 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\nMax-Forwards: 3\r\nTE: trailers\r\nConnection: TE\r\n\r\n',
]

const responses = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nX-T: v\r\n\r\n',
  'HTTP/1.0 200 OK\r\nContent-Type: t\r\n\r\nto the end',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\nKeep-Alive: timeout=5\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n',
  'HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nno',
]

const inserts = [
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  ':',
  ';',
  '\0',
  ',',
  '0',
  '5',
  '+',
  '_',
  '%00',
  '\x0b',
  '\xff',
  '\r\n\r\n',
  '0\r\n\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Host: x\r\n',
  'Connection: ',
  'chunked',
  'HTTP/1.0',
  'GET / HTTP/1.1\r\n',
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
]

test(`whatever a client sends, a backend gets well-formed requests (seed ${SEED})`, () => {
  const random = generator(SEED)
  const settings = timelessSettings()
  for (let run = 0; run < RUNS; run++) {
    const input = mutated(requests, random)
    const exchange = new InProcess(settings)
    for (const piece of pieces(input, random)) {
      exchange.send(piece)
      answerAll(exchange)
    }
    exchange.clientCloses()
    const readings = exchange.backends.map(({ written }) => readRequest(written))
    const wrong = readings.find(
      (reading, index) => reading.startsWith('wrong') || isEarlyEnd(reading, index, readings),
    )
    expect({ input, wrong, inFlight: exchange.inFlight }).toEqual({ input, wrong: undefined, inFlight: 0 })
  }
})

test(`whatever a backend sends, a client gets one well-formed response or a visible end (seed ${SEED})`, () => {
  const random = generator(SEED)
  const settings = timelessSettings()
  const request = Buffer.from('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  for (let run = 0; run < RUNS; run++) {
    const input = mutated(responses, random)
    const exchange = new InProcess(settings)
    exchange.send(request)
    for (const piece of pieces(input, random)) exchange.answer(piece)
    exchange.backendCloses()
    const { written, state } = exchange.client
    const reading = readResponse(written, state !== 'open')
    const isRight = reading === 'complete' || (reading === 'incomplete' && state !== 'open')
    expect({ input, written, isRight, inFlight: exchange.inFlight }).toEqual({
      input,
      written,
      isRight: true,
      inFlight: 0,
    })
    exchange.clientCloses()
  }
})

/** Only the last request of a connection may be unfinished. */
function isEarlyEnd(reading: string, index: number, readings: readonly string[]): boolean {
  return reading === 'incomplete' && index < readings.length - 1
}

function answerAll(exchange: InProcess): void {
  const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  for (let seen = -1; seen < exchange.upstreams.length;) {
    seen = exchange.upstreams.length
    if (exchange.upstreams.at(-1)?.requestComplete !== true) return
    exchange.answer(answer)
    if (seen === exchange.upstreams.length) return
  }
}

/** Uniform numbers below a bound, the same for the same seed (mulberry32). */
function generator(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
}

function mutated(seeds: readonly string[], random: (bound: number) => number): string {
  let text = seeds[random(seeds.length)]!
  for (let left = 1 + random(4); left > 0; left--) text = mutatedOnce(text, seeds, random)
  return text
}

function mutatedOnce(text: string, seeds: readonly string[], random: (bound: number) => number): string {
  const at = random(text.length + 1)
  const before = text.slice(0, at)
  const after = text.slice(at)
  switch (random(5)) {
    case 0:
      return before + inserts[random(inserts.length)]! + after
    case 1:
      return before + after.slice(1 + random(4))
    case 2:
      return before + String.fromCharCode(random(256)) + after.slice(1)
    case 3:
      return before + text.slice(random(text.length)).slice(0, random(30)) + after
    default: {
      const other = seeds[random(seeds.length)]!
      return before + other.slice(random(other.length))
    }
  }
}

function* pieces(text: string, random: (bound: number) => number): Generator<Buffer> {
  const input = Buffer.from(text, 'latin1')
  for (let at = 0; at < input.length;) {
    const length = random(3) === 0 ? 1 + random(20) : input.length
    yield Buffer.from(input.subarray(at, at + length))
    at += length
  }
}
