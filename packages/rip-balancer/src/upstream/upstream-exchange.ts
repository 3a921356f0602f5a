import type { OutgoingRequest } from '../forwarding/outgoing-request.ts'
import type { Trailers } from '../forwarding/trailers.ts'

/**
 * What an exchange needs of what carries it to a backend, which answers through `ResponseSink`: `connected` first unless it
 * was connected when it was handed out, then heads, data and `complete`, or `failed`, and nothing after one of these two or
 * after `destroy`. A connection of HTTP/1.1 is one; a stream of HTTP/2 can be.
 *
 * Bytes are valid until they are sent, so that they need not be copied; see `freeChunk`.
 */
export interface UpstreamExchange {
  /** Whether other requests were answered on the connection before. */
  readonly reused: boolean
  /** Whether the backend can say that it has not begun the request (RFC 9113 §8.7), which can be sent again then whatever it is. */
  readonly canRefuse: boolean
  /** Whether that is to be expected no more: the backend has taken some of the body, or has answered. */
  readonly hasBegun: boolean
  /** The backend has not begun the request because it takes no more on this connection: that says nothing about the next one. */
  readonly wasLeftOut: boolean
  /** How long the connection had been unused before this exchange took it; 0 if other exchanges used it. */
  readonly unusedMs: number
  /** Whether a byte of the response has arrived. */
  readonly answered: boolean
  /**
   * Whether the backend may have looked at the request: the kernel has taken a byte of it, and the backend has not said that
   * it refuses the stream (RFC 9113 §8.7).
   */
  readonly hasSent: boolean
  /** Whether the request, body included, was written. */
  readonly requestComplete: boolean
  /** Bytes that wait for the kernel, or for the window of the stream; `upstreamDrained` follows. */
  readonly waiting: number
  /** Bytes of the response body that are still to come, as far as its head announced them; else 0. */
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
