import { DEFAULT_LIMITS } from '../defaults.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { BackendAddress } from '../address/backend-address.ts'
import type { BackendTlsSettings } from '../tls/backend-tls.ts'
import { Turn } from '../transport/turn.ts'
import { RequestWriter } from '../forwarding/request-writer.ts'
import { RequestHead } from '../http1/request-head.ts'
import { HpackScratch } from '../http2/hpack/hpack-scratch.ts'
import { DialedSocket, dial } from './dial.ts'
import type { DialedConnection } from './dialed-connection.ts'
import { Lane, type LaneOwner } from './lane.ts'
import type { LaneStream } from './lane-stream.ts'
import { RequestBlock } from './request-block.ts'
import { ResponseHeads } from './response-heads.ts'
import type { ResponseSink, UpstreamFailure } from './response-sink.ts'
import { UpstreamConnection, type ConnectionOwner } from './upstream-connection.ts'

/** What a backend is asked by the balancer itself. */
export interface Question {
  readonly address: BackendAddress
  /** A complete request without a body; `undefined` only connects, and shakes hands where TLS is spoken. */
  readonly request: string | undefined
  readonly isHead: boolean
  /** The answer, to its end or to `maxBytes` of its body, is here after this time. */
  readonly timeoutMs: number
  /** More of a body is not read. */
  readonly maxBytes: number
}

/** How an inquiry can fail. */
export type InquiryFailure = UpstreamFailure | 'timeout'

/** What came of it; `failure` says in words why nothing did. */
export type Reply =
  | { readonly status: number; readonly body: string; readonly failure?: undefined }
  | { readonly failure: string; readonly kind: InquiryFailure }

const LIMITS = {
  head: {
    ...DEFAULT_LIMITS,
    maxLineBytes: DEFAULT_LIMITS.maxResponseHeadBytes,
    maxHeadBytes: DEFAULT_LIMITS.maxResponseHeadBytes,
  },
  maxInterimResponses: DEFAULT_LIMITS.maxInterimResponses,
  idleMs: 0,
}

/** The connection is not kept for another request. */
const NOBODY: ConnectionOwner & LaneOwner = {
  park: (connection) => connection.destroy(),
  closedUnused() {},
  opened() {},
  note() {},
  leaves() {},
  gone() {},
  fault() {},
}

const FAILURES: Readonly<Record<UpstreamFailure, string>> = {
  'connect-failed': 'no connection could be made',
  'local-failure': 'this process can make no connection',
  reset: 'connection reset',
  'bad-response': 'the answer is not valid HTTP',
}

const WITHIN_ANSWER = 'connection closed in the middle of the answer'

/** Asks a backend one question on a connection of its own. */
export function inquire(question: Question, tls: BackendTlsSettings): Promise<Reply> {
  return new Inquiry(question, tls).reply.promise
}

/** The connection a question is asked on. */
interface Line {
  readonly connection: DialedConnection
  ask(request: string, isHead: boolean): void
  close(): void
}

/** Its turns are its own: it has nothing to do with the requests of clients. */
class Inquiry implements ResponseSink {
  readonly reply: PromiseWithResolvers<Reply> = Promise.withResolvers()
  private readonly question: Question
  private readonly line: Line
  private readonly timer: ReturnType<typeof setTimeout>
  private status = 0
  private readonly chunks: Buffer[] = []
  private bytes = 0

  constructor(question: Question, tls: BackendTlsSettings) {
    this.question = question
    const { address } = question
    const socket = new DialedSocket(new Turn())
    this.line = address.http2 === 'only' ? new Http2Line(socket, address, this) : new Http1Line(socket, this)
    socket.connection = this.line.connection
    this.timer = setTimeout(
      () => this.end({ failure: `timed out after ${question.timeoutMs / 1_000} s`, kind: 'timeout' }),
      question.timeoutMs,
    )
    dial(address, socket, tls)
  }

  connected(): void {
    const { request, isHead } = this.question
    if (request === undefined) return this.end({ status: 0, body: '' })
    this.line.ask(request, isHead)
  }

  interim(): void {}

  switching(): void {}

  head({ status }: ResponseHead): void {
    this.status = status
  }

  data(bytes: Buffer, from: number, to: number): void {
    // The connection may free its bytes.
    this.chunks.push(Buffer.from(bytes.subarray(from, to)))
    this.bytes += to - from
    if (this.bytes >= this.question.maxBytes) this.end(this.answer)
  }

  mayKeep(): boolean {
    return false
  }

  complete(): void {
    this.end(this.answer)
  }

  tunnelEnded(): void {}

  failed(failure: UpstreamFailure, reason?: string): void {
    const within = failure === 'reset' && this.status > 0
    const text = within ? WITHIN_ANSWER : FAILURES[failure]
    this.end({
      failure: failure === 'bad-response' ? `${text}: it has ${reason}` : (reason ?? text),
      kind: failure,
    })
  }

  upstreamDrained(): void {}

  private get answer(): Reply {
    return {
      status: this.status,
      body: Buffer.concat(this.chunks).toString('utf8', 0, this.question.maxBytes),
    }
  }

  private end(reply: Reply): void {
    clearTimeout(this.timer)
    this.line.close()
    this.reply.resolve(reply)
  }
}

class Http1Line implements Line {
  readonly connection: UpstreamConnection

  constructor(socket: DialedSocket, sink: ResponseSink) {
    this.connection = new UpstreamConnection(socket, socket.turn, NOBODY, LIMITS, sink)
  }

  ask(request: string, isHead: boolean): void {
    this.connection.expect(isHead)
    const bytes = Buffer.from(request, 'latin1')
    this.connection.outbox.append(bytes, 0, bytes.length)
    this.connection.requestComplete = true
  }

  close(): void {
    this.connection.destroy()
  }
}

/** To a backend that speaks nothing else. */
class Http2Line implements Line {
  readonly connection: Lane
  private readonly address: BackendAddress
  private readonly stream: LaneStream

  constructor(socket: DialedSocket, address: BackendAddress, sink: ResponseSink) {
    this.address = address
    this.connection = new Lane(socket, socket.turn, NOBODY, {
      limits: LIMITS,
      scratch: new HpackScratch(),
      block: new RequestBlock(new RequestWriter()),
      heads: new ResponseHeads(LIMITS.head),
    })
    this.stream = this.connection.await(sink)
  }

  ask(request: string): void {
    const head = new RequestHead(LIMITS.head)
    const bytes = Buffer.from(request, 'latin1')
    head.feed(bytes, 0, bytes.length)
    head.check()
    this.stream.send({ head, address: this.address, identity: undefined })
    this.stream.end(undefined)
  }

  close(): void {
    this.stream.destroy()
    this.connection.retire()
  }
}
