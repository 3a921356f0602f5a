import { listenReason, WorkerError } from '../errors.ts'
import type { Handler, Routes } from '../application/application.ts'
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
  readonly #server: Bun.Server<unknown>
  readonly url: string

  /** @throws WorkerError `RIP_LISTEN_FAILED`. */
  constructor(options: FetchTransportOptions) {
    this.#server = serve(options)
    this.url = 'unix' in options.listen ? `unix:${options.listen.unix}` : trimSlash(this.#server.url.href)
  }

  get pending(): number {
    return this.#server.pendingRequests
  }

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

  publish(topic: string, message: string | Uint8Array): number {
    return this.#server.publish(topic, message)
  }

  subscriberCount(topic: string): number {
    return this.#server.subscriberCount(topic)
  }
}

function serve(options: FetchTransportOptions): Bun.Server<unknown> {
  const { listen, answer } = options
  try {
    return Bun.serve({
      ...listen,
      development: false,
      // Without development mode Bun shares the port by default, and a second worker would go unnoticed.
      reusePort: false,
      idleTimeout: options.idleTimeoutS,
      maxRequestBodySize: options.maxBodyBytes,
      fetch: (request: Request) => answer(request),
      error: options.onUnsent,
      ...(options.websocket !== undefined && { websocket: options.websocket }),
      ...(options.routes !== undefined && { routes: answeredRoutes(options.routes, answer) }),
      // The combinations Bun's type spells out one by one are put together here at run time.
    } as unknown as Bun.Serve.Options<unknown>)
  } catch (cause) {
    const address = describeAddress(listen)
    throw new WorkerError('RIP_LISTEN_FAILED', { address, reason: listenReason(cause) }, { cause })
  }
}

/** Handlers among the routes get the context and the error page; static responses stay what they are. */
function answeredRoutes(routes: Routes, answer: FetchTransportOptions['answer']): Record<string, unknown> {
  const answered = (value: unknown): unknown => {
    if (typeof value === 'function') return (request: Request) => answer(request, value as Handler)
    return isMethodTable(value) ? mapValues(value, answered) : value
  }
  return mapValues(routes, answered)
}

function isMethodTable(value: unknown): value is Routes {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function mapValues(record: Routes, map: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}

function trimSlash(href: string): string {
  return href.endsWith('/') ? href.slice(0, -1) : href
}
