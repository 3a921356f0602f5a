import type { Trailers } from '../forwarding/trailers.ts'
import type { ResponseHead } from '../http1/response-head.ts'

/** How an upstream connection failed while it served an exchange. */
export type UpstreamFailure = 'connect-failed' | 'local-failure' | 'reset' | 'bad-response'

/** What an upstream connection tells the exchange it serves. Heads and bytes are valid only during the call. */
export interface ResponseSink {
  /** The connection is ready for the request. */
  connected(): void
  /** An interim response other than 101. */
  interim(head: ResponseHead): void
  /** The response that opens the tunnel the request asked for. It is one then, unless it was destroyed during the call. */
  switching(head: ResponseHead): void
  /** The head of the final response. */
  head(head: ResponseHead): void
  /** Body bytes without their framing, or tunnel bytes. */
  data(bytes: Buffer, from: number, to: number): void
  /** Whether the backend may send so many bytes beyond the usual while the client does not read; asked in the midst of the body. */
  mayKeep(bytes: number): boolean
  /** The response is complete, and the connection is no longer this exchange's. */
  complete(trailers: Trailers | undefined): void
  /** The tunnel's other side stopped sending. */
  tunnelEnded(): void
  /** The connection is gone. @param reason what the system or TLS said, where they did */
  failed(failure: UpstreamFailure, reason?: string): void
  /** All bytes written so far were taken. */
  upstreamDrained(): void
}
