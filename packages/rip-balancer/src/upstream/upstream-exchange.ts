import type { OutgoingRequest } from '../forwarding/outgoing-request.ts'
import type { Trailers } from '../forwarding/trailers.ts'

/**
 * What an exchange needs of the connection that carries it to a backend. The connection answers through `ResponseSink`.
 * Implemented by a connection of HTTP/1.1; a stream of HTTP/2 can be the second one.
 */
export interface UpstreamExchange {
  /** Whether other requests were answered on the connection before. */
  readonly reused: boolean
  /** How long the connection had been unused before this exchange took it. */
  readonly unusedMs: number
  /** Whether a byte of the response has arrived. */
  readonly answered: boolean
  /** Whether the kernel has taken a byte of the request. */
  readonly hasSent: boolean
  /** Whether the request, body included, was written. */
  readonly requestComplete: boolean
  /** Bytes the kernel has not taken yet. */
  readonly waiting: number
  /** Bytes of the response body that are still to come, as far as its head announced them. */
  readonly announcedBytes: number
  readonly isPaused: boolean
  /** When it was last paused, in monotonic milliseconds. */
  readonly pausedAt: number
  /** Sends the head of the request. */
  send(request: OutgoingRequest): void
  /** Sends bytes of the request body, or bytes for the tunnel. */
  data(bytes: Buffer, from: number, to: number): void
  /** The request is complete. */
  end(trailers: Trailers | undefined): void
  /** Frees the memory of a chunk, of which parts may have been sent, as soon as all of it is sent. */
  freeChunk(chunk: Buffer): void
  /** Stops reading the response. */
  pause(): void
  resume(): void
  /** Stops sending into a tunnel once everything written is out. */
  shutdownWhenSent(): void
  /** Closes the connection, or resets the stream, at once; the exchange hears nothing more. */
  destroy(): void
}
