import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { identify } from '../../src/forwarding/client-identity.ts'
import type { HeadTarget } from '../../src/forwarding/head-writer.ts'
import type { OutgoingRequest } from '../../src/forwarding/outgoing-request.ts'
import { RequestRules } from '../../src/forwarding/request-rules.ts'
import { RequestWriter } from '../../src/forwarding/request-writer.ts'
import { nextRequestNumber } from '../../src/forwarding/request-id.ts'
import { RequestHead } from '../../src/http1/request-head.ts'
import { HpackEncoder } from '../../src/http2/hpack/hpack-encoder.ts'
import { RequestBlock } from '../../src/upstream/request-block.ts'
import { isUsual } from '../../src/upstream/usual-request.ts'
import { timelessSettings } from '../exchange/in-process.ts'
import { decoded, newDecoder, type Field } from '../http2/hpack/decoding.ts'

const { limits, forwarding } = timelessSettings()
const NOT_IN_HTTP2 = ['connection', 'host', 'transfer-encoding', 'upgrade']

const names = fc
  .string({ unit: fc.constantFrom('a', 'Z', '0', '9', '-', '~', '^'), minLength: 1, maxLength: 40 })
  .map((name) => `${name}: v`)
/** Lines that are passed on as they are, or left out. */
const usualLines = fc.oneof(
  fc.constantFrom(
    'User-Agent: curl/8',
    'accept:*/*',
    'ACCEPT-LANGUAGE:  de, en \t',
    'Cookie: a=b',
    'Authorization: Basic eDp5',
    'X-Forwarded-For: 192.0.2.7',
    'X-Request-Id: mine',
    'Forwarded: for=192.0.2.7',
    'Connection: close',
    'Keep-Alive: 5',
    'TE: trailers',
    'Trailer: x-own',
    'Proxy-Authorization: Basic eDp5',
    'X-Own: 1',
    'Empty:',
    `X-Long: ${'v'.repeat(300)}`,
  ),
  names,
)
const otherLines = fc.constantFrom(
  'Connection: x-own, keep-alive',
  'Expect: 100-continue',
  'Max-Forwards: 3',
  'X-Under_Score: 1',
  'Content-Length: 7',
  'Content-Length: 007',
  'Transfer-Encoding: chunked',
  'X-Octets: ü',
)
const usualRequestLines = fc.constantFrom('GET / HTTP/1.1', 'POST /a/b?c=d%20 HTTP/1.1', 'PURGE /x HTTP/1.0')
const otherRequestLines = fc.constantFrom(
  'GET /?ü HTTP/1.1',
  'HEAD http://other/x HTTP/1.1',
  'OPTIONS * HTTP/1.1',
)
const peers = fc.constantFrom(
  { address: '127.0.0.1', port: 4711 },
  { address: '2001:db8::1', port: 1 },
  { address: 'unix', port: 0 },
)

/** Reads a head. @returns `undefined` if it is not taken */
function read(text: string): RequestHead | undefined {
  const head = new RequestHead(limits)
  const bytes = Buffer.from(text, 'latin1')
  // It need not begin where its buffer does.
  const chunk = Buffer.concat([Buffer.from('xyz'), bytes])
  return head.feed(chunk, 3, chunk.length) === chunk.length && head.check() === undefined ? head : undefined
}

/** The head as a backend of HTTP/1.1 is told it. */
function asText(request: OutgoingRequest): string {
  const target: HeadTarget & { end: number } = {
    scratch: Buffer.alloc(8192),
    end: 0,
    reserve: () => 0,
    commit(at) {
      this.end = at
    },
  }
  new RequestWriter().write(target, request)
  return target.scratch.toString('latin1', 0, target.end)
}

/** The same as HTTP/2 says it. */
function asFields(text: string): Field[] {
  const [requestLine = '', ...all] = text.trimEnd().split('\r\n')
  const [method = '', path = ''] = requestLine.split(' ')
  const named = all.map((line): Field => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)]
  })
  const host = named.find(([name]) => name === 'host')?.[1] ?? ''
  return [
    [':method', method],
    [':scheme', 'http'],
    [':path', path],
    [':authority', host],
    ...named.filter(([name]) => !NOT_IN_HTTP2.includes(name)),
  ]
}

interface Generated {
  readonly requestLine: string
  readonly fields: readonly string[]
  readonly peer: { readonly address: string; readonly port: number }
  readonly isTrusted: boolean
  readonly givenId: string | undefined
  readonly forwarded: boolean
  readonly via: string | undefined
}

const usualRequests = fc.record<Generated>({
  requestLine: usualRequestLines,
  fields: fc.array(usualLines, { maxLength: 14 }),
  peer: peers,
  isTrusted: fc.constant(false),
  givenId: fc.constantFrom(undefined, 'given-id'),
  forwarded: fc.constant(false),
  via: fc.constant(undefined),
})
const anyRequests = fc.record<Generated>({
  requestLine: fc.oneof(usualRequestLines, otherRequestLines),
  fields: fc.array(fc.oneof({ weight: 4, arbitrary: usualLines }, otherLines), { maxLength: 14 }),
  peer: peers,
  isTrusted: fc.boolean(),
  givenId: fc.constantFrom(undefined, 'given-id'),
  forwarded: fc.boolean(),
  via: fc.constantFrom(undefined, 'rip'),
})

/** @returns `undefined` if the balancer refuses the request */
function outgoing(generated: Generated): OutgoingRequest | undefined {
  const { requestLine, fields, peer, isTrusted, givenId, forwarded, via } = generated
  const head = read([requestLine, 'Host: a:1', ...fields, '', ''].join('\r\n'))
  if (head === undefined) return undefined
  return {
    head,
    address: { kind: 'tcp', host: '127.0.0.1', port: 1, http2: 'only' },
    identity: identify(peer, 'https', { has: () => isTrusted }),
    statement: undefined,
    requestId: givenId ?? nextRequestNumber(),
    upgrade: undefined,
    takesTrailers: false,
    edits: undefined,
    rules: new RequestRules({ ...forwarding, forwarded, via }, () => {}),
  }
}

const block = new RequestBlock(new RequestWriter())

function expectSame(request: OutgoingRequest): void {
  const encoder = new HpackEncoder(0)
  const decoder = newDecoder({ maxTableBytes: 4096, maxListBytes: 1e6 })
  // The second time what was kept of the connection is used.
  for (let time = 0; time < 2; time++) {
    block.write(request, encoder)
    const { fields } = decoded(decoder, block.bytes.subarray(0, block.end))
    expect(fields).toEqual(asFields(asText(request)))
  }
}

describe('a backend is told the same in HTTP/2 as in HTTP/1.1', () => {
  test('of a request that is encoded from where it was read', () => {
    fc.assert(
      fc.property(usualRequests, (generated) => {
        const request = outgoing(generated)
        expect(request !== undefined && isUsual(request)).toBe(true)
        expectSame(request!)
      }),
      { numRuns: 120 },
    )
  })

  test('of any other request', () => {
    fc.assert(
      fc.property(anyRequests, (generated) => {
        const request = outgoing(generated)
        if (request !== undefined) expectSame(request)
      }),
      { numRuns: 120 },
    )
  })
})
