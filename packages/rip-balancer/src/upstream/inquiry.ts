import { DEFAULT_LIMITS } from '../defaults.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { BackendAddress } from '../address/backend-address.ts'
import type { BackendTlsSettings } from '../tls/backend-tls.ts'
import { Turn } from '../transport/turn.ts'
import { DialedSocket, dial } from './dial.ts'
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
const NOBODY: ConnectionOwner = {
  park: (connection) => connection.destroy(),
  closedUnused() {},
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

class Inquiry implements ResponseSink {
  readonly reply: PromiseWithResolvers<Reply> = Promise.withResolvers()
  private readonly question: Question
  private readonly connection: UpstreamConnection
  private readonly timer: ReturnType<typeof setTimeout>
  private status = 0
  private readonly chunks: Buffer[] = []
  private bytes = 0

  constructor(question: Question, tls: BackendTlsSettings) {
    this.question = question
    // Its turns are its own: it has nothing to do with the requests of clients.
    const turn = new Turn()
    const socket = new DialedSocket(turn)
    this.connection = new UpstreamConnection(socket, turn, NOBODY, LIMITS, this)
    socket.connection = this.connection
    this.timer = setTimeout(
      () => this.end({ failure: `timed out after ${question.timeoutMs / 1_000} s`, kind: 'timeout' }),
      question.timeoutMs,
    )
    dial(question.address, socket, tls)
  }

  connected(): void {
    const { request, isHead } = this.question
    if (request === undefined) return this.end({ status: 0, body: '' })
    this.connection.expect(isHead)
    const bytes = Buffer.from(request, 'latin1')
    this.connection.outbox.append(bytes, 0, bytes.length)
    this.connection.requestComplete = true
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
    this.end({ failure: reason ?? (within ? WITHIN_ANSWER : FAILURES[failure]), kind: failure })
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
    this.connection.destroy()
    this.reply.resolve(reply)
  }
}
