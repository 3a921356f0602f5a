/** What happens to the fields that say who asked. */
export interface Forwarding {
  /** Peers whose `X-Forwarded-*`, `X-Real-IP`, `Forwarded` and `X-Request-Id` are believed and extended. */
  readonly trustedProxies: AddressSet
  /** More fields that only they may send, in lower case. */
  readonly clientFields: ReadonlySet<string>
  /** Also send `Forwarded` (RFC 7239). */
  readonly forwarded: boolean
  /** Pseudonym for `Via` in both directions; `undefined` sends none. */
  readonly via: string | undefined
  /** Pass a valid `X-Request-Id` of an untrusted client on instead of making a new one. */
  readonly acceptRequestId: boolean
  /** Tell the client the request id in `X-Request-Id`, unless the backend did. */
  readonly exposeRequestId: boolean
  /** Pass the trailer fields of a request on; `Bun.serve` backends answer them with 400. */
  readonly requestTrailers: boolean
  /** How request fields with an underscore in their name are treated. */
  readonly underscores: Underscores
}

/**
 * Where names of fields become names of variables, as in CGI, WSGI and PHP, `X_User` is `X-User`: a client that may not send
 * the one sends the other. `drop` leaves all such fields out; `pass` only those whose twin has a meaning to this balancer.
 */
export type Underscores = (typeof UNDERSCORES)[number]

export const UNDERSCORES = ['drop', 'pass'] as const

/** A set of addresses, usually built from CIDR blocks. */
export interface AddressSet {
  /** @param address an IPv4 or IPv6 address in text form, or `unix` for a peer on a Unix socket */
  has(address: string): boolean
}
