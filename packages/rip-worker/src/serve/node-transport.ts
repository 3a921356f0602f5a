import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { NodeListener } from '../application/application.ts'
import { listenReason, WorkerError } from '../errors.ts'
import type { RequestHead } from '../pages/request-head.ts'
import { clientAddress, clientProtocol, type TrustForwarded } from './client.ts'
import type { ConcurrencyGate } from './concurrency-gate.ts'
import { describeAddress, type ListenAddress, type Transport } from './transport.ts'

export interface NodeTransportOptions {
  readonly listen: ListenAddress
  readonly idleTimeoutS: number
  readonly listener: NodeListener
  readonly gate: ConcurrencyGate
  readonly isDraining: () => boolean
  /** Whose word about the client is taken. */
  readonly trustForwarded: TrustForwarded
  /** Logs the failure and makes the page for it. */
  readonly onFailure: (error: unknown, request: RequestHead) => Response | Promise<Response>
}

/** `node:http`, for applications written as `(request, response)`. Loaded only when such a one is served. */
export class NodeTransport implements Transport {
  readonly #options: NodeTransportOptions
  readonly #server: Server
  #pending = 0
  #requests = 0
  #url = ''

  private constructor(options: NodeTransportOptions, createServer: (listener: NodeListener) => Server) {
    this.#options = options
    this.#server = createServer((request, response) => void this.#take(request, response))
    this.#server.keepAliveTimeout = options.idleTimeoutS * 1000
    this.#server.requestTimeout = 0
  }

  /** @throws WorkerError `RIP_LISTEN_FAILED`. */
  static async listen(options: NodeTransportOptions): Promise<NodeTransport> {
    const { createServer } = await import('node:http')
    const transport = new NodeTransport(options, createServer)
    await transport.#listen()
    return transport
  }

  get url(): string {
    return this.#url
  }

  get pending(): number {
    return this.#pending
  }

  get requests(): number {
    return this.#requests
  }

  stopAccepting(): void {
    this.#server.close()
    this.#server.closeIdleConnections()
  }

  abort(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #listen(): Promise<void> {
    const { listen } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject).once('listening', resolve)
    try {
      this.#server.listen(
        'unix' in listen ? { path: listen.unix } : { port: listen.port, host: listen.hostname },
      )
      await promise
    } catch (cause) {
      const address = describeAddress(listen)
      throw new WorkerError('RIP_LISTEN_FAILED', { address, reason: listenReason(cause) }, { cause })
    }
    this.#url = 'unix' in listen ? `unix:${listen.unix}` : this.#httpUrl(listen.hostname)
  }

  #httpUrl(hostname: string = 'localhost'): string {
    const address = this.#server.address()
    return `http://${hostname}:${typeof address === 'object' ? address?.port : address}`
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requests++
    this.#pending++
    introduceClient(request, this.#options.trustForwarded)
    const left = new AbortController()
    response.once('close', () => {
      this.#pending--
      left.abort()
      this.#options.gate.answered()
    })
    if (this.#options.gate.mustWait() && !(await this.#enter(response, left.signal))) return
    await this.#answer(request, response)
  }

  async #enter(response: ServerResponse, signal: AbortSignal): Promise<boolean> {
    const outcome = await this.#options.gate.wait(signal)
    if (outcome === 'refused')
      response.writeHead(503, { 'retry-after': '1' }).end('Too many requests are waiting\n')
    return outcome === 'entered'
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#options.isDraining()) response.setHeader('connection', 'close')
    try {
      await this.#options.listener(request, response)
    } catch (error) {
      await this.#fail(error, request, response)
    }
  }

  async #fail(error: unknown, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const page = await this.#options.onFailure(error, headOf(request))
    if (response.headersSent) return void response.destroy()
    response.writeHead(page.status, Object.fromEntries(page.headers)).end(await page.text())
  }
}

/**
 * Gives the socket, which comes from the balancer, the client at the other end of it. Frameworks that are told to trust
 * one proxy, several or all of them find the same client in `X-Forwarded-For`; one that reads the socket only needs none.
 */
function introduceClient({ headers, socket }: IncomingMessage, trust: TrustForwarded): void {
  if (trust === false) return
  const field = (name: string): string | undefined => headers[name]?.toString()
  const client = clientAddress(field, trust)
  Object.defineProperties(socket, {
    remoteAddress: { value: client?.address, configurable: true },
    remotePort: { value: client === undefined ? undefined : client.port, configurable: true },
    remoteFamily: { value: client?.family, configurable: true },
    encrypted: { value: clientProtocol(field, trust) === 'https', configurable: true, writable: true },
  })
  if (trust === 'balancer' && client !== undefined) headers['x-forwarded-for'] = client.address
}

/** Enough of the request to choose an error page by. Neither its target nor its method need be ones of the web. */
function headOf({ method = 'GET', url = '/', headers: fields }: IncomingMessage): RequestHead {
  const headers = new Headers()
  for (const [name, value] of Object.entries(fields)) headers.set(name, String(value))
  return { method, url, headers }
}
