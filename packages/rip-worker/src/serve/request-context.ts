/** Who sent a request, as far as the nearest trusted balancer or the socket tells. */
export interface Client {
  /** IP address; absent on a Unix socket without a balancer in front. */
  readonly address: string | undefined
  readonly protocol: 'http' | 'https'
}

export interface UpgradeOptions {
  readonly data?: unknown
  readonly headers?: Headers | Readonly<Record<string, string>>
}

export interface ClientAddress {
  readonly address: string
  readonly family: 'IPv4' | 'IPv6'
  readonly port: number
}

/**
 * What a handler may know beside the request. It also answers as the `server` that handlers in Bun's style
 * take as their second argument: `upgrade`, `requestIP`, `timeout`, `publish`.
 */
export interface RequestContext {
  /** The request's `X-Request-Id`, or an identifier of our own. */
  readonly id: string
  /** Slot of the worker that answers; 1 when it runs alone. */
  readonly workerId: number
  /** Generation of code that answers; `local` when nobody named one. */
  readonly generation: string
  /** Aborts when the client has left. */
  readonly signal: AbortSignal
  readonly client: Client
  /** Keeps the worker alive until the promise settles, without keeping the client waiting. */
  readonly waitUntil: (task: Promise<unknown>) => void
  /** Turns the request into a WebSocket; the application's `websocket` handlers take over. */
  readonly upgrade: (request: Request, options?: UpgradeOptions) => boolean
  readonly requestIP: (request: Request) => ClientAddress | null
  /** Sets the quiet time, in seconds, after which this client is cut off; 0 means never. */
  readonly timeout: (request: Request, seconds: number) => void
  /** Sends to the WebSockets of this worker that subscribe to the topic; returns bytes sent. */
  readonly publish: (topic: string, message: string | Uint8Array) => number
}

/** What all requests of a worker have in common, made once. */
export interface ContextHost extends Pick<
  RequestContext,
  'workerId' | 'generation' | 'waitUntil' | 'upgrade' | 'timeout' | 'publish'
> {
  /** Whether `X-Request-Id` and `X-Forwarded-*` come from a balancer of ours. */
  readonly trustForwarded: boolean
  addressOf(request: Request): ClientAddress | null
}

/** A context that reads a header only when somebody asks for what it says. */
export class LazyContext implements RequestContext {
  readonly #host: ContextHost
  readonly #request: Request
  #id: string | undefined

  constructor(host: ContextHost, request: Request) {
    this.#host = host
    this.#request = request
  }

  get id(): string {
    return (this.#id ??= this.#forwarded('x-request-id') ?? crypto.randomUUID())
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

  get client(): Client {
    return {
      address: this.requestIP(this.#request)?.address,
      protocol: this.#forwarded('x-forwarded-proto') === 'https' ? 'https' : 'http',
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

  requestIP(request: Request): ClientAddress | null {
    const address = this.#forwarded('x-forwarded-for')?.split(',', 1)[0]?.trim()
    if (address === undefined || address === '') return this.#host.addressOf(request)
    return { address, family: address.includes(':') ? 'IPv6' : 'IPv4', port: 0 }
  }

  #forwarded(name: string): string | undefined {
    if (!this.#host.trustForwarded) return undefined
    return this.#request.headers.get(name) ?? undefined
  }
}

/** Gives the request the scheme its client used: the balancer ends TLS, so `url` says `http:` otherwise. */
export function restoreScheme(request: Request): void {
  if (request.headers.get('x-forwarded-proto') !== 'https') return
  const { url } = request
  if (!url.startsWith('http:')) return
  Object.defineProperty(request, 'url', { value: `https:${url.slice('http:'.length)}`, configurable: true })
}
