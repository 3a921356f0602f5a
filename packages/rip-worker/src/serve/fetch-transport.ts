import type { MessageData } from '../bus/message.ts'
import { listenReason, WorkerError } from '../errors.ts'
import type { Handler, Routes } from '../application/application.ts'
import { mapRoutes } from '../application/map-routes.ts'
import { ownServe } from './own-serve.ts'
import type { RequestContext, UpgradeOptions } from './request-context.ts'
import { describeAddress, type ListenAddress, type Transport } from './transport.ts'

export interface FetchTransportOptions {
  readonly listen: ListenAddress
  readonly idleTimeoutS: number
  readonly maxBodyBytes: number
  readonly websocket: Readonly<Record<string, unknown>> | undefined
  readonly routes: Routes | undefined
  /** Answers with the given handler of the application, or with its `fetch`. */
  readonly answer: (request: Request, route?: Handler) => Response | undefined | Promise<Response | undefined>
  /** Answers instead of a response that cannot be sent, such as one of a file that is not there. */
  readonly onUnsent: (error: unknown) => Response | Promise<Response>
}

/** `Bun.serve`, which counts a request as pending until the last byte of its response was handed over. */
export class FetchTransport
  implements
    Transport,
    Pick<RequestContext, 'upgrade' | 'requestIP' | 'timeout' | 'publish' | 'subscriberCount'>
{
  readonly #options: FetchTransportOptions
  readonly #server: Bun.Server<unknown>
  readonly url: string
  readonly http2: boolean

  /** @throws WorkerError `RIP_LISTEN_FAILED`. */
  constructor(options: FetchTransportOptions) {
    this.#options = options
    this.http2 = takesHttp2(options)
    this.#server = serve(options)
    this.url = 'unix' in options.listen ? `unix:${options.listen.unix}` : trimSlash(this.#server.url.href)
  }

  get pending(): number {
    return this.#server.pendingRequests
  }

  /** Bun does not count WebSockets as pending, and the worker counts event streams. */
  readonly longLived = { webSockets: 0, eventStreams: 0 } as const

  stopAccepting(): void {
    void this.#server.stop()
  }

  abort(): void {
    void this.#server.stop(true)
  }

  upgrade(request: Request, { data, headers }: UpgradeOptions = {}): boolean {
    return this.#server.upgrade(request, { data, ...(headers && { headers }) })
  }

  requestIP(request: Request): ReturnType<RequestContext['requestIP']> {
    return this.#server.requestIP(request)
  }

  timeout(request: Request, seconds: number): void {
    this.#server.timeout(request, seconds)
  }

  /** To the WebSockets of this server alone. */
  publish(topic: string, message: MessageData, compress?: boolean): number {
    // Bun's type lists the views one by one.
    return this.#server.publish(topic, message as string | Bun.BufferSource, compress)
  }

  subscriberCount(topic: string): number {
    return this.#server.subscriberCount(topic)
  }

  /** Replaces the routes and WebSocket handlers from now on. */
  reload(changed: Pick<FetchTransportOptions, 'routes' | 'websocket'>): void {
    this.#server.reload(serveOptions({ ...this.#options, ...changed }))
  }
}

function serve(options: FetchTransportOptions): Bun.Server<unknown> {
  try {
    return ownServe(serveOptions(options))
  } catch (cause) {
    const address = describeAddress(options.listen)
    throw new WorkerError('RIP_LISTEN_FAILED', { address, reason: listenReason(cause) }, { cause })
  }
}

function serveOptions(options: FetchTransportOptions): Bun.Serve.Options<unknown> {
  const { listen, answer, websocket, routes } = options
  return {
    ...listen,
    development: false,
    // Outside development mode Bun shares the port by default, and a second worker on it would go unnoticed.
    reusePort: false,
    http2: takesHttp2(options),
    idleTimeout: options.idleTimeoutS,
    maxRequestBodySize: options.maxBodyBytes,
    fetch: (request: Request) => answer(request),
    error: options.onUnsent,
    ...(websocket !== undefined && { websocket }),
    // Handlers in the routes get the context and the error page, too.
    ...(routes !== undefined && {
      routes: mapRoutes(routes, (handler) => ((request) => answer(request, handler)) as Handler),
    }),
    // Bun's type lists the allowed combinations one by one, and these are put together at run time.
  } as unknown as Bun.Serve.Options<unknown>
}

/** The balancer speaks it on Unix sockets; what connects over TCP is a client. */
function takesHttp2({ listen }: FetchTransportOptions): boolean {
  return 'unix' in listen
}

function trimSlash(href: string): string {
  return href.endsWith('/') ? href.slice(0, -1) : href
}
