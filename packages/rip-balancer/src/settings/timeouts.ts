/** Time limits of one exchange and of the connections around it, in milliseconds. */
export interface Timeouts {
  /** First byte of a request to the end of its head, absolute: no byte trickle extends it (408). */
  readonly headerMs: number
  /** Silence of the client within a request body (408). */
  readonly bodyIdleMs: number
  /** Silence of the client between two requests. */
  readonly clientIdleMs: number
  /** The client takes none of the bytes waiting for it. */
  readonly writeIdleMs: number
  /** Connecting to a backend (502, after retries). */
  readonly connectMs: number
  /** End of the request to the head of the final response (504). */
  readonly responseMs: number
  /** Silence of the backend within a response body; the response is aborted. */
  readonly responseIdleMs: number
  /** Whole exchange, queue included; `Infinity` is off (504, or the response is aborted). */
  readonly totalMs: number
  /** A request that a backend had for longer before it died is not sent again: it may be what it died of. */
  readonly repeatMs: number
  /** Silence in both directions of an upgraded connection. */
  readonly tunnelIdleMs: number
  /** The same once one side has ended and the other has not followed. */
  readonly tunnelEndMs: number
  /** Wait for `100 Continue` of the backend before the body is sent anyway. */
  readonly continueMs: number
  /** An unused connection to a backend is closed after this time; keep it below the backend's own limit. */
  readonly upstreamIdleMs: number
  /** After a refusal: how long the rest of the request is read and dropped so that the answer is not lost. */
  readonly lingerMs: number
  /** Draining: how long an idle client connection stays open, as a request may already be on its way. */
  readonly drainGraceMs: number
  /** Draining: what is still under way after this time is aborted. */
  readonly drainMs: number
}
