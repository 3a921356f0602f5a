import type { BackendTlsSettings } from '../tls/backend-tls.ts'
import type { HashKey } from './affinity.ts'
import type { ExchangeObserver } from './record.ts'
import type { StickyCookie } from './sticky-cookie.ts'

/**
 * What the data plane needs to know, completely resolved: no optional member means "default". Times are in
 * milliseconds, sizes in bytes; `Infinity` switches a limit off where its comment says so.
 */
export interface DataPlaneSettings {
  readonly timeouts: Timeouts
  readonly limits: Limits
  readonly forwarding: Forwarding
  /** Protocols a client may upgrade to, in lower case. Everything else is answered as plain HTTP. */
  readonly upgrades: readonly string[]
  /** Whether methods that Bun and Node.js do not know reach a backend (`pass`) or are answered with 501 (`refuse`). */
  readonly unknownMethods: UnknownMethods
  /** What a client gets that has ended its side and waits for its answer, and its backend hears. */
  readonly halfClose: HalfClose
  /** Attempts after the first one, for requests that can be repeated safely. */
  readonly retries: number
  /** Peers that must open each connection with a PROXY protocol header (v1 or v2); `undefined` refuses all. */
  readonly proxyProtocolFrom: AddressSet | undefined
  /** Names requests may be addressed to; `undefined` allows all. Any other is answered with 403. */
  readonly hosts: HostSet | undefined
  readonly hooks: Hooks
  /** By what the hash policy recognises a client. */
  readonly hashKey: HashKey
  /** Cookie of the sticky policy; `undefined` under any other. */
  readonly sticky: StickyCookie | undefined
  /** How TLS is spoken to backends; absent where none does. */
  readonly backendTls?: BackendTlsSettings
  readonly observer: ExchangeObserver
  readonly errorPages: ErrorPages
}

export const UNKNOWN_METHODS = ['pass', 'refuse'] as const

export type UnknownMethods = (typeof UNKNOWN_METHODS)[number]

/**
 * What follows when a client ends its side of the connection while its request is being answered:
 *
 * - `answer`: it is answered; the backend hears nothing of it.
 * - `tell`: it is answered if the backend still answers; the backend is told, see `DepartureNotices`.
 * - `abort`: it has left; the connection to the backend is closed.
 */
export type HalfClose = (typeof HALF_CLOSES)[number]

export const HALF_CLOSES = ['answer', 'tell', 'abort'] as const

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
  /** Silence of the backend within a response body; the response is cut. */
  readonly responseIdleMs: number
  /** Whole exchange, queue included; `Infinity` is off (504, or the response is cut). */
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
  /** Draining: what is still under way after this time is cut. */
  readonly drainMs: number
}

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
  /** Slowest reader accepted in any ten seconds in which bytes wait for it; 0 is off (the response is cut). */
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
  /** What becomes of request fields with an underscore in their name. */
  readonly underscores: Underscores
}

/**
 * Where names of fields become names of variables, as in CGI, WSGI and PHP, `X_User` is `X-User`: whoever may not send
 * the one sends the other. `drop` leaves all such fields out; `pass` only those whose twin has a meaning to this balancer.
 */
export type Underscores = (typeof UNDERSCORES)[number]

export const UNDERSCORES = ['drop', 'pass'] as const

/** A set of addresses, usually built from CIDR blocks. */
export interface AddressSet {
  /** @param address an IPv4 or IPv6 address in text form, or `unix` for a peer on a Unix socket */
  has(address: string): boolean
}

/** A set of names, with and without ports. */
export interface HostSet {
  /** @param authority empty when the request names no host */
  has(authority: string): boolean
}

/** Synchronous hooks; each is looked at once per request. An exception fails that exchange only (500 or 502). */
export interface Hooks {
  /** Sees a request before a backend is chosen; may edit its fields or answer it by returning an answer. */
  readonly onRequest?: (request: RequestView) => LocalAnswer | undefined | void
  /** Sees the head of a final response of a backend; may edit its fields. */
  readonly onResponse?: (response: ResponseView) => void
}

/** A request as hooks see it; valid only during the call. */
export interface RequestView {
  readonly method: string
  readonly target: string
  readonly host: string
  readonly client: ClientView
  readonly requestId: string
  readonly headers: EditableFields
}

/** A response head as hooks see it; valid only during the call. */
export interface ResponseView {
  readonly status: number
  readonly backend: string
  readonly requestId: string
  readonly headers: EditableFields
}

/** Who is asking. */
export interface ClientView {
  /** Address of the client, seen through trusted proxies; `unix` for a peer on a Unix socket. */
  readonly address: string
  readonly scheme: 'http' | 'https'
}

/** Header fields in wire order; names compare without case. Framing and hop-by-hop fields cannot be set. */
export interface EditableFields {
  /** Values joined by `, `, or `undefined`. */
  get(name: string): string | undefined
  /** Replaces all fields of that name. @throws when name or value are not valid HTTP. */
  set(name: string, value: string): void
  /** Adds a field at the end. @throws when name or value are not valid HTTP. */
  append(name: string, value: string): void
  delete(name: string): void
  [Symbol.iterator](): IterableIterator<readonly [name: string, value: string]>
}

/** A complete answer given by the balancer itself. */
export interface LocalAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** Body of the answers the balancer gives itself. */
export interface ErrorPages {
  /** @param accept value of the `Accept` field of the request, if its head could be read */
  render(status: number, requestId: string, accept: string | undefined): ErrorPage
  /** Says how to allow a host that is not answered (403). @param authority as the request names it */
  renderForeignHost(authority: string, requestId: string, accept: string | undefined): ErrorPage
}

/** One rendered page. */
export interface ErrorPage {
  readonly contentType: string
  readonly body: string | Uint8Array
}
