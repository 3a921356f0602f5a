/** Sizes and counts that bound what one client or one backend can occupy. */
export interface Limits {
  /** Request line and each header line (414 or 431). */
  readonly maxLineBytes: number
  /** Request line and header section together (414 or 431). */
  readonly maxHeadBytes: number
  /** Fields in a header or trailer section (431). */
  readonly maxFields: number
  /** Request body, counted while it arrives when its length is not declared; `Infinity` is off (413). */
  readonly maxBodyBytes: number
  /** Slowest request body accepted in any ten seconds of waiting for it; 0 is off (408). */
  readonly minBodyBytesPerSecond: number
  /** Slowest reader accepted in any ten seconds in which bytes wait for it; 0 is off (the response is aborted). */
  readonly minResponseBytesPerSecond: number
  /** Part of a request body that is read before a backend is claimed, when backends are scarce; 0 is off. */
  readonly maxRequestBufferBytes: number
  /** Part of a response that is kept for a slow reader, so that its backend is free, when backends are scarce; 0 is off. */
  readonly maxResponseBufferBytes: number
  /** All such parts together. */
  readonly maxBufferedBytes: number
  /** Head of a response (502). */
  readonly maxResponseHeadBytes: number
  /** Interim (1xx) responses to one request (502). */
  readonly maxInterimResponses: number
  /** Requests on one client connection; `Infinity` is off. */
  readonly maxRequestsPerConnection: number
  /** Client connections of the listener. */
  readonly maxConnections: number
  /** Client connections from one address; `Infinity` is off. Unix peers are not counted. */
  readonly maxConnectionsPerAddress: number
  /** Tunnels and event streams at one backend; they take none of its places (503). */
  readonly maxLongLivedPerBackend: number
  /** Tunnels and event streams of one client, seen through trusted proxies. Unix peers are not counted (503). */
  readonly maxLongLivedPerAddress: number
  /** Unused connections kept to one backend. */
  readonly maxIdlePerBackend: number
  /** Request body kept for a second attempt until the first byte of the response arrives. */
  readonly maxReplayBytes: number
}
