import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { NodeListener } from '../application/application.ts'
import { NodeWebSocket } from '#node-web-socket'
import { CLOSE_ANSWER_MS, EARLY_END_MS } from '../defaults.ts'
import { listenReason, WorkerError } from '../errors.ts'
import { setInterval, setTimeout } from '../own-timers.ts'
import type { RequestHead } from '../pages/request-head.ts'
import { clientAddress, clientProtocol, type TrustForwarded } from './client.ts'
import type { ConcurrencyGate } from './concurrency-gate.ts'
import type { Departures } from './departures.ts'
import { isEventStreamType } from './event-streams.ts'
import { type LongLivedGate, TOO_MANY_LONG_LIVED } from './long-lived-gate.ts'
import { NodeDeparture } from './node-departure.ts'
import type { ResolvedWorkerOptions } from './options.ts'
import { withOwnServe } from './own-serve.ts'
import type { StaticResponder } from '../static/static-responder.ts'
import { describeAddress, type ListenAddress, type LongLivedCount, type Transport } from './transport.ts'

export interface NodeTransportOptions {
  readonly listen: ListenAddress
  readonly idleTimeoutS: number
  /** Answers requests, if the application has no server. */
  readonly listener?: NodeListener | undefined
  /** A server of the application that does not listen yet. */
  readonly nodeServer?: Server | undefined
  readonly gate: ConcurrencyGate
  readonly longLived: LongLivedGate
  /** Clients that have left, as the balancer tells; absent without one. */
  readonly departures: Departures | undefined
  /** Answers before the application. */
  readonly files: StaticResponder | undefined
  readonly isDraining: () => boolean
  /** In development, WebSockets have less time to end. */
  readonly mode: ResolvedWorkerOptions['mode']
  /** Which proxy is trusted to name the client. */
  readonly trustForwarded: TrustForwarded
  /** Logs the failure and makes the page for it. */
  readonly onFailure: (error: unknown, request: RequestHead) => Response | Promise<Response>
}

type NodeHttp = typeof import('node:http')
type Emit = (event: string, ...values: unknown[]) => boolean

/** Events with a request and the response to it. */
const REQUEST_EVENTS: ReadonlySet<string> = new Set(['request', 'checkContinue', 'checkExpectation'])

const REFUSED_UPGRADE =
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'

/** `node:http`, for applications written as `(request, response)`. Loaded only when such an application is served. */
export class NodeTransport implements Transport {
  readonly #options: NodeTransportOptions
  readonly #server: Server
  readonly #prototype: Server
  readonly #upgraded = new Set<NodeWebSocket>()
  /** Event streams, with what to call at their end. */
  readonly #streams = new Map<ServerResponse, () => void>()
  /** Responses to requests that the application passes on as `request` after `checkContinue`. */
  readonly #taken = new WeakSet<ServerResponse>()
  /** Whether clients of WebSockets are told to connect again, those to come as well. */
  #restarting = false
  #pending = 0
  #requests = 0
  #opening: PromiseWithResolvers<void> | undefined
  #url = ''

  private constructor(options: NodeTransportOptions, { createServer, Server: { prototype } }: NodeHttp) {
    this.#options = options
    this.#server = options.nodeServer ?? createServer(options.listener)
    // A server of the application may pretend to listen, and its `close` may close the worker.
    this.#prototype = prototype
    this.#server.keepAliveTimeout = options.idleTimeoutS * 1000
    this.#server.requestTimeout = 0
    this.#intercept()
  }

  /** @throws WorkerError `RIP_LISTEN_FAILED`. */
  static async listen(options: NodeTransportOptions): Promise<NodeTransport> {
    const transport = new NodeTransport(options, await import('node:http'))
    await transport.#listen()
    return transport
  }

  get url(): string {
    return this.#url
  }

  /** `node:http` knows HTTP/1.1 only. */
  get http2(): boolean {
    return false
  }

  get pending(): number {
    return this.#pending + this.#upgraded.size
  }

  get longLived(): LongLivedCount {
    return { webSockets: this.#upgraded.size, eventStreams: this.#streams.size }
  }

  get requests(): number {
    return this.#requests
  }

  stopAccepting(): void {
    this.#prototype.close.call(this.#server)
    this.#server.closeIdleConnections()
    this.#restartWebSockets()
  }

  /** See `Worker`. */
  endStreams(): void {
    this.#restartWebSockets()
    for (const response of this.#streams.keys()) if (response.req.method === 'GET') endSubscription(response)
  }

  #restartWebSockets(): void {
    this.#restarting = true
    for (const socket of this.#upgraded) socket.restart(this.#answerMs)
  }

  /** How long clients may take to answer that they connect again. */
  get #answerMs(): number {
    return this.#options.mode === 'development' ? EARLY_END_MS : CLOSE_ANSWER_MS
  }

  abort(): void {
    for (const socket of this.#upgraded) socket.terminate()
    this.#server.closeAllConnections()
    this.#prototype.close.call(this.#server)
  }

  async #listen(): Promise<void> {
    const { listen } = this.#options
    const address = 'unix' in listen ? { path: listen.unix } : { port: listen.port, host: listen.hostname }
    const opening = (this.#opening = Promise.withResolvers<void>())
    try {
      withOwnServe(() => this.#prototype.listen.call(this.#server, address))
      await opening.promise
      this.#opening = undefined
    } catch (cause) {
      const address = describeAddress(listen)
      throw new WorkerError('RIP_LISTEN_FAILED', { address, reason: listenReason(cause) }, { cause })
    }
    this.#url = 'unix' in listen ? `unix:${listen.unix}` : this.#httpUrl(listen.hostname)
  }

  #httpUrl(hostname: string = 'localhost'): string {
    const address = this.#prototype.address.call(this.#server)
    return `http://${hostname}:${typeof address === 'object' ? address?.port : address}`
  }

  /** Intercepts the server's events, so that requests are counted and wait for their turn. */
  #intercept(): void {
    const server = this.#server
    const emit = server.emit.bind(server) as Emit
    const tell: Emit = (event, ...values) => {
      const opening = this.#opening
      if (opening !== undefined && event === 'listening') return (opening.resolve(), true)
      if (opening !== undefined && event === 'error') return (opening.reject(values[0]), true)
      if (REQUEST_EVENTS.has(event)) {
        this.#begin(event, values[0] as IncomingMessage, values[1] as ServerResponse)
        return true
      }
      if (event === 'upgrade' && !this.#follow(values[0] as IncomingMessage, values[1] as Duplex)) return true
      return emit(event, ...values)
    }
    server.emit = tell as Server['emit']
  }

  /** A WebSocket holds up a drain, and its client is told to connect again. @returns whether it may be opened */
  #follow(request: IncomingMessage, socket: Duplex): boolean {
    const { longLived, trustForwarded } = this.#options
    introduceClient(request, trustForwarded)
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') return true
    const { remoteAddress } = request.socket
    if (!longLived.admits(remoteAddress)) {
      socket.end(REFUSED_UPGRADE)
      return false
    }
    const end = longLived.begin(remoteAddress)
    const webSocket = new NodeWebSocket(socket, { setInterval, setTimeout })
    this.#upgraded.add(webSocket)
    if (this.#restarting) webSocket.restart(this.#answerMs)
    socket.once('close', () => {
      this.#upgraded.delete(webSocket)
      end()
    })
    return true
  }

  /** An event stream leaves its place when its head is written; one that is too many becomes an answer with 503. */
  #watchHead(request: IncomingMessage, response: ServerResponse): void {
    const writeHead = response.writeHead.bind(response) as (...values: unknown[]) => ServerResponse
    response.writeHead = (...values: unknown[]) => {
      // A refusal calls it a second time.
      response.writeHead = writeHead
      if (!opensEventStream(response, values.at(-1))) return writeHead(...values)
      const { remoteAddress } = request.socket
      if (!this.#options.longLived.admits(remoteAddress)) return refuseStream(response)
      this.#streams.set(response, this.#options.longLived.begin(remoteAddress))
      this.#options.gate.answered()
      return writeHead(...values)
    }
  }

  /** A request that has its place already is not counted again. */
  #begin(event: string, request: IncomingMessage, response: ServerResponse): void {
    if (this.#taken.has(response)) return void this.#answer(event, request, response)
    if (event !== 'request') this.#taken.add(response)
    void this.#take(event, request, response)
  }

  async #take(event: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requests++
    this.#pending++
    introduceClient(request, this.#options.trustForwarded)
    const left = new AbortController()
    const departure = new NodeDeparture(request, response)
    const forget = this.#options.departures?.expect(
      (name) => request.headers[name]?.toString(),
      () => {
        left.abort()
        departure.tell()
      },
    )
    response.on('close', () => {
      if (departure.isBeingTold) return
      forget?.()
      this.#streams.get(response)?.()
      this.#streams.delete(response)
      this.#pending--
      left.abort()
      this.#options.gate.answered()
    })
    this.#watchHead(request, response)
    if (this.#options.gate.mustWait() && !(await this.#enter(response, left.signal))) return
    await this.#answer(event, request, response)
  }

  async #enter(response: ServerResponse, signal: AbortSignal): Promise<boolean> {
    const outcome = await this.#options.gate.wait(signal)
    if (outcome === 'refused')
      response.writeHead(503, { 'retry-after': '1' }).end('Too many requests are waiting\n')
    // No client reads this, unless it ended only its own side.
    if (outcome === 'left' && !response.destroyed) response.writeHead(499).end()
    return outcome === 'entered'
  }

  /** Calls the listeners itself, because `emit` drops what they reject with. */
  async #answer(event: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#options.files?.send(request, response) === true) return
    if (this.#options.isDraining()) response.setHeader('connection', 'close')
    const server = this.#server
    try {
      const listeners = server.listeners(event) as NodeListener[]
      await Promise.all(listeners.map((listener) => Reflect.apply(listener, server, [request, response])))
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

/** @param last what `writeHead` is given last, which may be fields in one of three forms */
function opensEventStream(response: ServerResponse, last: unknown): boolean {
  const fields = new Map(Object.entries(response.getHeaders()))
  for (const [name, value] of fieldsOf(last)) fields.set(name.toLowerCase(), value as string)
  return !fields.has('content-length') && isEventStreamType(fields.get('content-type')?.toString())
}

function fieldsOf(value: unknown): (readonly [name: string, value: unknown])[] {
  if (typeof value !== 'object' || value === null) return []
  if (!Array.isArray(value)) return Object.entries(value)
  if (value.every(Array.isArray)) return value.map(([name, each]) => [String(name), each])
  return value.flatMap((name, at) => (at % 2 === 0 ? [[String(name), value[at + 1]] as const] : []))
}

/** Drops what the application still writes; the application learns of the end by `close`. */
function refuseStream(response: ServerResponse): ServerResponse {
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.writeHead(503, { 'retry-after': '1' }).end(`${TOO_MANY_LONG_LIVED}\n`)
  response.write = () => true
  response.end = () => response
  return response
}

/**
 * Gives the socket, whose peer is the balancer, the address of the client. Frameworks that are told to trust one proxy,
 * several or all of them find the same client in `X-Forwarded-For`; a framework that reads only the socket needs no
 * such setting.
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

/** An application that has not noticed the end yet may go on writing, which is no failure. */
function endSubscription(response: ServerResponse): void {
  response.on('error', () => {})
  response.end()
}

/** The parts of the request that choose an error page. Target and method need not be ones that `Request` accepts. */
function headOf({ method = 'GET', url = '/', headers: fields }: IncomingMessage): RequestHead {
  const headers = new Headers()
  for (const [name, value] of Object.entries(fields)) headers.set(name, String(value))
  return { method, url, headers }
}
