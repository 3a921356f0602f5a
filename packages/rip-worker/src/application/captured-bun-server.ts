import type { Application, ErrorHandler, Handler, Routes, WebSocketHandlers } from './application.ts'
import { mapRoutes } from './map-routes.ts'
import { addressText, hasTls, isUnix, portOf, type ServeAddress } from './own-port.ts'
import { type PublicAddress, publicAddress, type SocketAddress, socketAddress } from './public-address.ts'
import type { ServerHost } from './server-host.ts'
import type { CapturedServer, CaptureContext } from './server-capture.ts'

/** The options of `Bun.serve` that the worker applies. */
interface ServeOptions extends ServeAddress {
  readonly fetch?: AnyHandler
  readonly routes?: Routes
  /** Name of `routes` in older versions. */
  readonly static?: Routes
  readonly websocket?: WebSocketHandlers
  readonly error?: ErrorHandler
  readonly maxRequestBodySize?: number
  readonly development?: unknown
  readonly id?: string | null
}

type AnyHandler = (request: Request, server: unknown) => Response | Promise<Response>

/**
 * What `Bun.serve` returns to an application that calls it: it looks like a server with the public address, and passes
 * every call on to the worker's server.
 */
export class CapturedBunServer implements CapturedServer {
  readonly place: string
  readonly #context: CaptureContext
  #options: ServeOptions
  #stopping: Promise<void> | undefined

  /** @throws TypeError where `Bun.serve` does */
  constructor(options: object, context: CaptureContext) {
    assertAnswers(options)
    this.#options = options
    this.#context = context
    this.place = addressText(options)
  }

  get application(): Application {
    const { maxRequestBodySize } = this.#options
    return {
      fetch: (request) => this.#fetch(request),
      error: (error) => this.#options.error?.call(this, error),
      ...this.#exchangeable(),
      ...(maxRequestBodySize !== undefined && { maxBodyBytes: maxRequestBodySize }),
    }
  }

  get isAtUsualPort(): boolean {
    return !isUnix(this.#options) && portOf(this.#options) === portOf({})
  }

  get isClosed(): boolean {
    return this.#stopping !== undefined
  }

  get ignored(): readonly string[] {
    return hasTls(this.#options) ? ['tls'] : []
  }

  accept(): void {}

  isMadeOf(main: unknown): boolean {
    const { fetch } = (main ?? {}) as { readonly fetch?: unknown }
    if (main === this || main === this.#options || this.serves(main)) return true
    return fetch !== undefined && this.serves(fetch)
  }

  serves(handler: unknown): boolean {
    return handler !== undefined && handler === this.#options.fetch
  }

  isSameAs(other: CapturedServer): boolean {
    return this.#options.fetch !== undefined && other.serves(this.#options.fetch)
  }

  get port(): number {
    return this.#public.port
  }

  get hostname(): string {
    return this.#public.hostname
  }

  get url(): URL {
    return this.#public.url
  }

  get address(): SocketAddress {
    return socketAddress(this.#options, this.port)
  }

  get protocol(): string {
    return this.url.protocol.slice(0, -1)
  }

  get id(): string {
    return this.#options.id ?? ''
  }

  get development(): boolean {
    return Boolean(this.#options.development ?? process.env.NODE_ENV !== 'production')
  }

  get pendingRequests(): number {
    const { inFlight = 0, eventStreams = 0 } = this.#host?.stats ?? {}
    return inFlight + eventStreams
  }

  get pendingWebSockets(): number {
    return this.#host?.stats.webSockets ?? 0
  }

  /** Makes the worker leave, as SIGTERM does: a server that is stopped answers no more requests. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#host === undefined ? Promise.resolve() : this.#context.leave())
  }

  reload(options: object): this {
    this.#options = { ...this.#options, ...options }
    this.#host?.reload(this.#exchangeable())
    return this
  }

  fetch(request: Request | string): Promise<Response> {
    const asked = typeof request === 'string' ? new Request(new URL(request, this.url).href) : request
    return this.#host === undefined ? Promise.resolve(this.#fetch(asked)) : this.#host.inject(asked)
  }

  upgrade(...[request, options]: Parameters<ServerHost['upgrade']>): boolean {
    return this.#host?.upgrade(request, options) ?? false
  }

  publish(...[topic, message, compress]: Parameters<ServerHost['publish']>): number {
    return this.#host?.publish(topic, message, compress) ?? 0
  }

  subscriberCount(topic: string): number {
    return this.#host?.subscriberCount(topic) ?? 0
  }

  requestIP(request: Request): ReturnType<ServerHost['requestIP']> {
    return this.#host?.requestIP(request) ?? null
  }

  timeout(request: Request, seconds: number): void {
    this.#host?.timeout(request, seconds)
  }

  /** Does nothing: the worker decides how long its process lives. */
  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  closeIdleConnections(): number {
    return 0
  }

  [Symbol.dispose](): void {
    void this.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  get #public(): PublicAddress {
    return publicAddress(this.#options, this.#context.publicUrl)
  }

  #fetch(request: Request): Response | Promise<Response> {
    const { fetch } = this.#options
    return fetch === undefined
      ? new Response(null, { status: 404 })
      : fetch.call(this as never, request, this)
  }

  /** The options that Bun takes at the start and at each `reload()`. */
  #exchangeable(): Pick<Application, 'routes' | 'websocket'> {
    const { routes, static: older, websocket } = this.#options
    const all = { ...older, ...routes }
    return {
      ...(Object.keys(all).length > 0 && { routes: mapRoutes(all, (handler) => this.#route(handler)) }),
      ...(websocket !== undefined && { websocket }),
    }
  }

  #route(handler: Handler): Handler {
    const answer = handler as unknown as AnyHandler
    return (request) => answer.call(this as never, request, this)
  }

  get #host(): ServerHost | undefined {
    return this.#context.host
  }
}

function assertAnswers({ fetch, routes, static: older }: ServeOptions): void {
  if (fetch === undefined && Object.keys({ ...older, ...routes }).length === 0)
    throw new TypeError('Bun.serve() needs a fetch function or routes')
  if (fetch !== undefined && typeof fetch !== 'function')
    throw new TypeError('Bun.serve() needs a function as fetch')
}
