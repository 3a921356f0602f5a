import type { ClientIdentity } from '../forwarding/client-identity.ts'
import type { FieldEdits } from '../forwarding/field-edits.ts'
import type { Trailers } from '../forwarding/trailers.ts'
import type { ResponseHead } from '../http1/response-head.ts'

/**
 * What an exchange needs of its client: the response goes out here, and the flow of the request is regulated. How heads,
 * bodies and trailers look on the wire is up to the client's side. A connection of HTTP/1.1 is one; a stream of HTTP/2 can
 * be, where sections of RFC 9113 are named below.
 *
 * In return it tells its exchange what the client does:
 *
 * - `begin` with a head that passed all checks, which stays as it is until the exchange is over; or `refuse`;
 * - `take` with bytes of the body, without their framing and never more than the head announced, and with bytes for the tunnel,
 *   both only while `wantsInput`; `bodyEnded` if the head announced a body; `bodyRefused` when it is malformed;
 * - `clientDrained` when `waiting` has become 0; `clientEnded` when the client stopped sending in the tunnel, or before the
 *   request was complete; `clientGone` when nothing can be sent to it any more (a stream was reset);
 * - `tick`, ten times a second.
 *
 * The exchange may call any method here during each of these calls. Bytes are valid only during the call that hands them
 * over, in both directions, unless `freeChunk` says more.
 */
export interface ClientSide {
  readonly identity: ClientIdentity
  /** Protocol the request asks for a tunnel of, in lower case, if that is allowed; an extended CONNECT does (RFC 8441 §4). */
  readonly upgrade: string | undefined
  /** Whether the client wants trailer fields of the response (RFC 9110 §10.1.4). */
  readonly takesTrailers: boolean
  /** Bytes of responses the kernel has taken so far; never fewer than before. */
  readonly sent: number
  /** Bytes that wait for the kernel, or for the window of the stream (§5.2). */
  readonly waiting: number
  /** Bytes of `sent` that the client has acknowledged, as far as the system tells. */
  readonly acknowledged: number

  /** Asks the client for the body it has announced with `Expect: 100-continue`. */
  askForBody(): void
  /** Sends an interim response of the backend. */
  interim(response: ResponseHead): void
  /**
   * Opens the tunnel the client asked for: 101 in HTTP/1.1, 200 to an extended CONNECT in HTTP/2 (RFC 8441 §4).
   *
   * @param cookie value of a `Set-Cookie` to add
   */
  switching(response: ResponseHead, cookie: string | undefined): void
  /**
   * Sends the head of the final response.
   *
   * @param requestId to expose, or the number of one of ours; `undefined` exposes none
   */
  head(response: ResponseHead, requestId: string | number | undefined, edits: FieldEdits | undefined): void
  /** Sends bytes of the body, or bytes of the tunnel. */
  data(bytes: Buffer, from: number, to: number): void
  /** The response is complete. @param trailers which are sent if the client takes them */
  end(trailers: Trailers | undefined): void
  /** Sends a complete response of the balancer's own. */
  answer(
    status: number,
    fields: Readonly<Record<string, string>>,
    body: string | Uint8Array,
    requestId: string,
  ): void
  /** Hands over what was sent without waiting for the end of the turn: `waiting` says then what the kernel left. */
  flush(): void

  /**
   * What the client still sends of this request is not wanted, or cannot be trusted: the connection ends after the
   * exchange, a stream is reset with NO_ERROR (§8.1).
   */
  closeAfter(): void
  /**
   * The response cannot be completed: the connection is closed, or the stream reset (§6.4), so that the client sees that.
   * The exchange is over and recorded.
   */
  abort(): void
  /** Nothing more is sent in the tunnel. */
  shutdown(): void

  /** The exchange can take body or tunnel bytes (again): hand over what was held back, go on reading, extend the window (§6.9). */
  inputWanted(): void
  /** Do not read for now, or leave the window of the stream as it is. */
  inputNotWanted(): void
  /** The exchange has become a tunnel or an event stream. */
  exchangeLasts(): void
  /** The exchange is over and recorded; the next request may follow. */
  exchangeEnded(): void
}
