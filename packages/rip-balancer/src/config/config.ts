import type { BackendTlsConfig } from '../settings/backend-tls.ts'
import type { Underscores } from '../settings/forwarding.ts'
import type { UnknownMethods } from '../settings/unknown-methods.ts'
import type { AccessLogFormat } from '../settings/access-log-format.ts'
import type { HalfClose } from '../settings/half-close.ts'
import type { WorkerProtocol } from '../settings/worker-protocol.ts'
import type { PolicyName } from '../pool/policy.ts'

/** Milliseconds, or a text such as `250ms`, `10s`, `5m`, `1d`; `off` where there may be no limit. */
export type Duration = number | string

/** Bytes, or a text such as `64KiB`, `1MiB`, `300M`; `off` where there may be no limit. */
export type Size = number | string

/** Everything about a balancer as plain data: the same in a program, in a file and over the admin API. */
export interface BalancerConfig {
  /**
   * Where to listen: `host:port`, `:port` (all addresses, IPv4 and IPv6), `unix:PATH`, `fd:N` (an inherited socket;
   * with systemd also `fd:NAME`), or an object with TLS. Who may connect to a Unix socket: `unix:PATH?mode=0660&group=NAME` (0666).
   * @default '127.0.0.1:8080'
   */
  readonly listen?: string | ListenerConfig | readonly (string | ListenerConfig)[]
  /** Backends: `host:port`, `https://host:port`, `h2c://host:port`, `unix:PATH`, or an object with weight, limit and TLS. @default [] */
  readonly to?: string | BackendConfig | readonly (string | BackendConfig)[]
  /** TLS towards backends with an `https://` address. */
  readonly backendTls?: BackendTlsConfig
  /** Name of the pool in the admin API and in metrics. @default 'app' */
  readonly pool?: string
  /** How a backend is chosen. @default 'round-robin' */
  readonly policy?: PolicyName
  /** What `hash` hashes: `ip`, `header:NAME` or `cookie:NAME`. @default 'ip' */
  readonly hashKey?: string
  /** The cookie of `sticky`: its name, or an object. */
  readonly stickyCookie?: string | StickyCookieConfig
  /** The field of `learn`: its name, or an object. */
  readonly learnedField?: string | LearnedFieldConfig
  /** Requests a backend takes at once, unless it has a limit of its own. @default 100 */
  readonly maxInFlight?: number
  /** Requests that wait when all backends are full. */
  readonly queue?: {
    /** Further requests are answered with 503. @default 1024 */
    readonly length?: number
    /** A request that waits longer is answered with 503. @default '30s' */
    readonly timeout?: Duration
  }
  /**
   * Time over which the capacity of a backend grows when it joins others or recovers. If all are new, at a start of the
   * balancer or after a cut, all serve at full capacity. @default 0
   */
  readonly slowStart?: Duration
  /** Queue requests while there is no backend or none accepts, instead of answering 503 or 502. @default false */
  readonly waitForBackends?: boolean
  /**
   * Accepts nothing before the first `cut`, so that connections wait in the queue of an inherited socket, where
   * others may take them. @default false
   */
  readonly acceptWhenRouted?: boolean
  /**
   * How a method is treated that Bun and Node.js do not know: `pass` leaves it to the backend, `refuse` answers 501.
   * @default 'pass'
   */
  readonly unknownMethods?: UnknownMethods
  /** Attempts after the first one, for requests that can be repeated safely. Refused connections do not count: nothing was sent. @default 1 */
  readonly retries?: number
  /** Puts a backend aside that fails requests others answer. */
  readonly ejection?: {
    /** Failures that others do not have at the same time. A refused connection is always enough. @default 2 */
    readonly after?: number
    /** How long a backend whose requests fail is put aside at first; doubles each time. @default '1s' */
    readonly min?: Duration
    /** Longest time; if it answers `OPTIONS *`, one request that can be sent elsewhere tries it after 5 s at most. @default '60s' */
    readonly max?: Duration
  }
  /** Asks each backend regularly; one that fails takes nothing until it passes again. Off without a path. */
  readonly health?: {
    /** Path of the check, which may have a query. @default none */
    readonly path?: string
    /** Method of the check. @default 'GET' */
    readonly method?: string
    /** `Host` of the check. @default the address, `localhost` for Unix sockets */
    readonly host?: string
    /** Statuses of a healthy backend: `200`, `'200-399'`, or a list of such. @default '200-299' */
    readonly status?: number | string | readonly (number | string)[]
    /** Text in the answer of a healthy backend, within its first 64 KiB. @default any */
    readonly body?: string
    /** Port of the check, for backends on TCP; HTTP/1.1 is spoken there. @default that of the address */
    readonly port?: number
    /** Whether the check uses TLS, with `backendTls`. @default as with the backend */
    readonly tls?: boolean
    /** Time from one check of a backend to the next; a quarter of it while one is out or about to go out. @default '5s' */
    readonly interval?: Duration
    /** A later answer is a failure. @default '2s' */
    readonly timeout?: Duration
    /** Passes in a row that bring a backend back. @default 2 */
    readonly rise?: number
    /** Failures in a row that take a backend out. @default 3 */
    readonly fall?: number
  }
  readonly timeouts?: TimeoutsConfig
  readonly limits?: LimitsConfig
  readonly forwarding?: ForwardingConfig
  /**
   * How a client is treated that ends its side of the connection before its answer, as most clients do that leave:
   * `answer` it without telling the backend, `tell` backends on Unix sockets that listen for it and deliver their
   * answer, or `abort` the request. @default 'answer', under rip-server 'tell'
   */
  readonly halfClose?: HalfClose
  /**
   * What is spoken to backends that take HTTP/2 as well as HTTP/1.1: `auto` HTTP/2 while a backend has many requests at a
   * time (from 17 on, until there were no more than 12 for a second), as soon as a connection is ready; `h2c` HTTP/2
   * always, `http1` never. Upgrades, long request bodies, and heads larger than the backend takes, are HTTP/1.1 in any case.
   * @default 'auto'
   */
  readonly workerProtocol?: WorkerProtocol
  /** Peers that open every connection with a PROXY protocol header (v1 or v2), in front of TLS. @default none */
  readonly proxyProtocolFrom?: readonly string[]
  /**
   * Host names that are answered, besides `localhost` and addresses: `shop.example`, or `*.shop.example` for all below
   * it. An empty list allows no others. Any other `Host` is answered with 403, or 421 in HTTP/2, where
   * browsers use a connection for several hosts. @default all
   */
  readonly allowHosts?: readonly string[]
  /** A script that every HTML document of a navigation gets, for tools of development. Off without a path. */
  readonly pageScript?: {
    /** Its path, such as `/.dev/client.js`; `backend` answers all requests below its folder. @default none */
    readonly path?: string
    /** Where it comes from, `host:port` or `unix:PATH`. @default none */
    readonly backend?: string
  }
  /** Protocols a client may upgrade to. @default ['websocket'] */
  readonly upgrades?: readonly string[]
  /** Socket of the admin API, `unix:PATH`. @default none */
  readonly admin?: string
  /** Address of `GET /metrics` over TCP, `HOST:PORT`: every client that can connect can read them. @default none */
  readonly metrics?: string
  readonly accessLog?: AccessLogFormat | AccessLogConfig
}

export interface ListenerConfig {
  /** As above. */
  readonly address: string
  /**
   * Certificate chain and key in PEM files, `{ cert, key }`; read again when they change. `kept` names a file for a copy of
   * what serves: a balancer that is started anew serves that one while the files cannot be used. @default none
   */
  readonly tls?: { readonly cert: string; readonly key: string; readonly kept?: string }
  /**
   * Speak HTTP/2 as well: with TLS to clients that choose it in the handshake; without TLS to those that begin with it (`h2c` by
   * prior knowledge), as some proxies do. @default with TLS true, else false
   */
  readonly http2?: boolean
  /** Several processes may listen on the same port. @default false */
  readonly reusePort?: boolean
}

/** See RFC 6265 §4.1 for what browsers make of it. */
export interface StickyCookieConfig {
  /** Name of the cookie; `stickyCookie: 'NAME'` is the short form. @default 'rip-backend' */
  readonly name?: string
  /** Path of the cookie: browsers send it to paths below. @default '/' */
  readonly path?: string
  /** Domain of the cookie: browsers send it to this domain and all below it. @default the host that was asked, alone */
  readonly domain?: string
  /** Whether browsers send it with requests from pages of other sites: `lax`, `strict` or `none`. @default 'lax' */
  readonly sameSite?: 'lax' | 'strict' | 'none'
  /**
   * Whether browsers send it by TLS only: `always`, `never`, or `auto` for clients that came by TLS, also to a trusted
   * proxy. With `sameSite: 'none'` and names that begin with `__Host-` or `__Secure-` always, as browsers require.
   * @default 'auto'
   */
  readonly secure?: 'auto' | 'always' | 'never'
  /** Lifetime from the last answer on; with `off` it ends with the browser's session. @default 'off' */
  readonly lifetime?: Duration
  /** Secret of at least 16 characters: names stay valid after a restart and at other balancers. @default a random one for each start */
  readonly key?: string
}

/** A field that a backend sends in a response, such as the id of a session, and a client from then on in its requests. */
export interface LearnedFieldConfig {
  /** `learnedField: 'NAME'` is short for it. @default 'mcp-session-id' */
  readonly name?: string
  /** Values that are known at most; a new one takes the place of one that was not used for long. @default 65536 */
  readonly entries?: number
  /** A value that no request or response had for so long is forgotten. @default '1h' */
  readonly lifetime?: Duration
  /** File in memory, such as below `/dev/shm`, by which several balancers know what one of them has learned. @default none, with `--processes` one of their own */
  readonly sharedFile?: string
}

export interface BackendConfig {
  /** `host:port`, `[v6]:port`, `https://host:port`, `h2c://host:port` (HTTP/2 only) or `unix:PATH`; a name is one backend for each of its addresses. */
  readonly address: string
  /** Name in logs, metrics and the admin API. @default the address */
  readonly id?: string
  /** Requests it takes at once. @default the pool's */
  readonly maxInFlight?: number
  /** Where TLS differs from `backendTls`, member by member. */
  readonly tls?: BackendTlsConfig
  /** It speaks HTTP/2 in plain text beside HTTP/1.1, as a `Bun.serve` with `http2` does; see `workerProtocol`. @default with workerProtocol 'h2c' true, else false */
  readonly http2?: boolean
  /** Share of the requests relative to the others, from 0.000001 to 1000000; 0 takes no new ones. @default 1 */
  readonly weight?: number
}

export interface TimeoutsConfig {
  /** From the first byte of a request to the end of its head, absolute. @default '10s' */
  readonly header?: Duration
  /** Silence within a request body. @default '30s' */
  readonly body?: Duration
  /** Silence of a connection between two requests. @default '75s' */
  readonly idle?: Duration
  /** Time in which the client takes no byte of those that wait for it. @default '30s' */
  readonly write?: Duration
  /** Time to connect to a backend. @default '3s' */
  readonly connect?: Duration
  /** From the end of the request to the head of the response. @default '60s' */
  readonly response?: Duration
  /** Silence within a response body. @default '60s' */
  readonly responseIdle?: Duration
  /** Whole exchange. @default 'off' */
  readonly total?: Duration
  /** Silence of an upgraded connection. @default '10m' */
  readonly tunnel?: Duration
  /** The same when only one side has ended its direction. @default '30s' */
  readonly tunnelEnd?: Duration
  /** How long an unused connection to a backend is kept. @default '15s' */
  readonly upstreamIdle?: Duration
  /** How long requests may still take in a drain; those that are left are aborted. @default '30s' */
  readonly drain?: Duration
}

export interface LimitsConfig {
  /** Request line, and each header line. @default as `head` */
  readonly line?: Size
  /** Whole head of a request. @default '32KiB' */
  readonly head?: Size
  /** Number of header fields. @default 100 */
  readonly fields?: number
  /** Request body. @default '10MiB' */
  readonly body?: Size
  /** Minimum rate of an upload, in bytes per second while the balancer waits for it; 0 is off. @default 512 */
  readonly bodyRate?: number
  /** Minimum rate at which a client reads a response, in bytes per second while bytes wait for it; 0 is off. @default 512 */
  readonly responseRate?: number
  /** Part of a request body that is read before the request takes a slot, when backends are scarce. @default '64KiB' */
  readonly requestBuffer?: Size
  /** Part of a response that is kept for a slow reader to free the backend, when backends are scarce. @default '1MiB' */
  readonly responseBuffer?: Size
  /** All these buffers together. @default '64MiB' */
  readonly buffers?: Size
  /** Head of a response. @default '64KiB' */
  readonly responseHead?: Size
  /** Client connections, at all listeners together; idle ones give way to new ones. @default 10000 */
  readonly connections?: number
  /** Client connections from one address, or one /64 of IPv6; clients named by a PROXY header count, trusted proxies do not. @default 2000 */
  readonly connectionsPerAddress?: number
  /** WebSockets, other tunnels and event streams at one backend; they do not count for its `maxInFlight`. @default nine tenths of `connections`, 9000 */
  readonly longLived?: number
  /** The same of one client (an address, or a /64 of IPv6); clients behind trusted proxies count separately. @default nine tenths of `connectionsPerAddress`, 1800 */
  readonly longLivedPerAddress?: number
}

export interface ForwardingConfig {
  /** Proxies whose forwarded fields are believed: addresses, CIDR blocks, or `unix`. @default none */
  readonly trust?: readonly string[]
  /** Further fields in which your proxies send the client's address: dropped when they come from other peers. @default none */
  readonly clientFields?: readonly string[]
  /** Also send `Forwarded` (RFC 7239). @default false */
  readonly forwarded?: boolean
  /** Pseudonym for `Via`. @default none */
  readonly via?: string
  /** Keep the `X-Request-Id` of any client. @default false */
  readonly acceptRequestId?: boolean
  /** Send the request id to the client. @default true */
  readonly exposeRequestId?: boolean
  /** Pass trailer fields of requests on. @default false */
  readonly requestTrailers?: boolean
  /**
   * Request fields with `_` in their name: `drop` or `pass` them. Many backends read `X_User` as `X-User`, which
   * clients may not send; `pass` is for backends that tell them apart, and still drops twins of fields that the
   * balancer itself writes, drops or reads.
   * @default 'drop'
   */
  readonly underscores?: Underscores
}

export interface AccessLogConfig {
  /** `none`, `text` or `json`; `accessLog: 'json'` is the short form. @default 'none', with a file 'json' */
  readonly format?: AccessLogFormat
  /** File to append to; SIGUSR1 opens it again. @default standard output */
  readonly file?: string
}
