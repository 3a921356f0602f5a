import { Http2Client, Http2Worker } from './http2-peer.ts'
import type { Peers } from './memory-network.ts'
import { Http1Peer } from './memory-peer.ts'
import type { Message } from './message.ts'

/** What clients and workers speak. */
export type Protocol = 'http1' | 'http2'

export interface PeerOptions {
  readonly client: Protocol
  readonly worker: Protocol
  /** Requests at a time on a connection of HTTP/2. */
  readonly streams: number
}

const HOST = '127.0.0.1:8080'
const AGENT = 'h2load nghttp2/1.52.0'
/** Where entries of the dynamic table begin (RFC 7541 §2.3.3). */
const FIRST_ENTRY = 62

/** Clients that send that message, and workers that answer it. */
export function peersFor(message: Message, { client, worker, streams }: PeerOptions): Peers {
  const request = http1Request(message)
  const answer = http1Answer(message)
  // A write of the balancer is the whole answer, or the whole request, when so many bytes have come.
  return {
    client: () =>
      client === 'http2'
        ? http2Client(message, streams)
        : new Http1Peer(request, leastBytes(message.answerBody)),
    worker: () => (worker === 'http2' ? http2Worker(message) : new Http1Peer(answer, request.length)),
  }
}

/** A head has that many bytes at least. */
function leastBytes(body: Buffer): number {
  return body.length + 1
}

function http1Request({ method, path, requestBody }: Message): Buffer {
  const length = requestBody.length === 0 ? '' : `Content-Length: ${requestBody.length}\r\n`
  return Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: ${HOST}\r\n${length}\r\n${requestBody.toString()}`)
}

function http1Answer({ answerBody }: Message): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: ${new Date().toUTCString()}\r\n`
  return Buffer.from(`${head}Content-Length: ${answerBody.length}\r\n\r\n${answerBody.toString()}`)
}

/** The block is what `Bun.serve` sends, but for Huffman codes: without the dynamic table. */
function http2Worker({ answerBody }: Message): Http2Worker {
  const block = Buffer.concat([
    Buffer.from([0x88]),
    literal(0x00, 31, 'application/json'),
    literal(0x00, 33, new Date().toUTCString()),
    literal(0x00, 28, String(answerBody.length)),
  ])
  return new Http2Worker(block, answerBody)
}

/** The first request fills the table, and the others are indices, as those of `h2load` are. */
function http2Client({ method, path, requestBody }: Message, streams: number): Http2Client {
  const start = Buffer.from([method === 'GET' ? 0x82 : 0x83, 0x86])
  const length = requestBody.length === 0 ? [] : [literal(0x40, 28, String(requestBody.length))]
  const fields = [literal(0x40, 4, path), literal(0x40, 1, HOST), literal(0x40, 58, AGENT), ...length]
  const indices = fields.map((_, at) => 0x80 | (FIRST_ENTRY + fields.length - 1 - at))
  const block = Buffer.concat([start, Buffer.from(indices)])
  return new Http2Client(Buffer.concat([start, ...fields]), block, requestBody, streams)
}

/** A field with a name of the static table (RFC 7541 §6.2). @param form 0x40 adds it to the dynamic table, 0 does not */
function literal(form: number, index: number, value: string): Buffer {
  const max = form === 0 ? 0x0f : 0x3f
  const name = index < max ? [form | index] : [form | max, index - max]
  return Buffer.from([...name, value.length, ...Buffer.from(value)])
}
