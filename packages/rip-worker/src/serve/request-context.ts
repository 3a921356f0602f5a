import type { MessageData } from '../bus/message.ts'
import type { Topics } from '../bus/topics.ts'
import {
  clientAddress,
  clientProtocol,
  type Client,
  type ClientAddress,
  type TrustForwarded,
} from './client.ts'
import { nativeValue } from './request-view.ts'

export interface UpgradeOptions {
  readonly data?: unknown
  readonly headers?: Headers | Readonly<Record<string, string>>
}

/**
 * What a handler is given beside the request. It also answers as the `server` that handlers in Bun's style take as
 * their second argument: its address is the one the client asked, not that of the worker's socket.
 */
export interface RequestContext {
  /** The request's `X-Request-Id`, or an identifier of our own. */
  readonly id: string
  /** Slot of the worker that answers; 1 when it runs alone. */
  readonly workerId: number
  /** Generation of code that answers; `local` without a supervisor. */
  readonly generation: string
  /** Aborts when the client has left. */
  readonly signal: AbortSignal
  /** Aborts when the worker stops to be active, because it stands by or leaves. */
  readonly standby: AbortSignal
  readonly client: Client
  /** Keeps the worker alive until the promise settles, without keeping the client waiting. */
  readonly waitUntil: (task: Promise<unknown>) => void
  /** Turns the request into a WebSocket; the application's `websocket` handlers take over. */
  readonly upgrade: (request: Request, options?: UpgradeOptions) => boolean
  readonly requestIP: (request: Request) => ClientAddress | null
  /** Sets the quiet time, in seconds, after which this client is cut off; 0 means never. */
  readonly timeout: (request: Request, seconds: number) => void
  /**
   * Publishes to all who subscribe to the topic, in all workers of the instance: WebSockets and listeners. Returns bytes,
   * -1 if a WebSocket of this worker takes no more at the moment, 0 if nothing took the message.
   */
  readonly publish: (topic: string, message: MessageData, compress?: boolean) => number
  /**
   * Calls back with each message published to the topic from now on, in whichever worker. Returns a function that ends
   * this; so does the `signal` of the options, such as the request's.
   */
  readonly subscribe: Topics['subscribe']
  /** WebSockets of this worker that subscribe to the topic. */
  readonly subscriberCount: (topic: string) => number
  /** Where the client reached the server: scheme and authority of the request. */
  readonly url: URL
  /** Of `url`. */
  readonly hostname: string
  /** Of `url`: 80 or 443 when it names none. */
  readonly port: number
  /** Of `url`. */
  readonly protocol: 'http' | 'https'
  /** Whether failures are answered with a page that shows code. */
  readonly development: boolean
  /** Requests of this worker that are not answered to the last byte, this one included. */
  readonly pendingRequests: number
  /** Open WebSockets of this worker. */
  readonly pendingWebSockets: number
}

/** The parts of the context that all requests of a worker share. */
export interface ContextHost extends Pick<
  RequestContext,
  | 'workerId'
  | 'generation'
  | 'waitUntil'
  | 'upgrade'
  | 'timeout'
  | 'publish'
  | 'subscribe'
  | 'requestIP'
  | 'subscriberCount'
  | 'development'
> {
  /** The signal that aborts when the worker stops to be active. */
  standby(): AbortSignal
  pendingRequests(): number
  pendingWebSockets(): number
  /** Which proxy's `X-Request-Id` and `X-Forwarded-*` are trusted. */
  readonly trustForwarded: TrustForwarded
}

/** A context that reads a header field only when the handler asks for its value. */
export class LazyContext implements RequestContext {
  readonly #host: ContextHost
  readonly #request: Request
  #id: string | undefined

  constructor(host: ContextHost, request: Request) {
    this.#host = host
    this.#request = request
  }

  get id(): string {
    return (this.#id ??= this.#given('x-request-id') ?? crypto.randomUUID())
  }

  get workerId(): number {
    return this.#host.workerId
  }

  get generation(): string {
    return this.#host.generation
  }

  get signal(): AbortSignal {
    return this.#request.signal
  }

  get standby(): AbortSignal {
    return this.#host.standby()
  }

  get client(): Client {
    return {
      address: this.#host.requestIP(this.#request)?.address,
      protocol: clientProtocol(fieldsOf(this.#request), this.#host.trustForwarded),
    }
  }

  get waitUntil(): RequestContext['waitUntil'] {
    return this.#host.waitUntil
  }

  get upgrade(): RequestContext['upgrade'] {
    return this.#host.upgrade
  }

  get timeout(): RequestContext['timeout'] {
    return this.#host.timeout
  }

  get publish(): RequestContext['publish'] {
    return this.#host.publish
  }

  get subscribe(): RequestContext['subscribe'] {
    return this.#host.subscribe
  }

  get subscriberCount(): RequestContext['subscriberCount'] {
    return this.#host.subscriberCount
  }

  get url(): URL {
    return new URL('/', this.#request.url)
  }

  get hostname(): string {
    return this.url.hostname
  }

  get port(): number {
    const { port } = this.url
    if (port !== '') return Number(port)
    return this.protocol === 'https' ? 443 : 80
  }

  get protocol(): 'http' | 'https' {
    return this.#request.url.startsWith('https:') ? 'https' : 'http'
  }

  get development(): boolean {
    return this.#host.development
  }

  get pendingRequests(): number {
    return this.#host.pendingRequests()
  }

  get pendingWebSockets(): number {
    return this.#host.pendingWebSockets()
  }

  get requestIP(): RequestContext['requestIP'] {
    return this.#host.requestIP
  }

  #given(name: string): string | undefined {
    if (this.#host.trustForwarded === false) return undefined
    return fieldsOf(this.#request)(name)
  }
}

/** The client of the request, as the trusted proxy names it. */
export function requestIP(request: Request, trust: TrustForwarded): ClientAddress | undefined {
  return clientAddress(fieldsOf(request), trust)
}

/**
 * The URL that the client asked for. By the connection alone it would begin with `http:`, because the balancer ends TLS.
 */
export function clientUrl(request: Request, trust: TrustForwarded): string {
  const url = nativeValue(request, 'url')
  if (!url.startsWith('http:') || clientProtocol(fieldsOf(request), trust) !== 'https') return url
  return `https:${url.slice('http:'.length)}`
}

function fieldsOf({ headers }: Request): (name: string) => string | undefined {
  return (name) => headers.get(name) ?? undefined
}
