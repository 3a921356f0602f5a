import type { WebSocketHandlers } from '../application/application.ts'
import type { Publish, Topics } from '../bus/topics.ts'
import type { LongLivedGate } from './long-lived-gate.ts'

/** RFC 6455 section 7.4 and the IANA registry: the service restarts, the client may connect again. */
const SERVICE_RESTART = 1012
const INTERNAL_ERROR = 1011

interface Socket {
  data: unknown
  close(code: number, reason: string): void
  terminate(): void
}

type SocketHandler = (socket: Socket, ...details: unknown[]) => unknown

/** The data that an upgrade attaches to its socket. */
export class Ticket {
  readonly data: unknown
  /** Address of the client. */
  readonly address: string | undefined

  constructor(data: unknown, address: string | undefined) {
    this.data = data
    this.address = address
  }
}

const EVENTS = ['open', 'message', 'close', 'drain', 'ping', 'pong'] as const

/** Open WebSockets of a worker, and handlers that keep count of them. */
export class WebSockets {
  /** Each with the function to call at its end. */
  readonly #open = new Map<Socket, () => void>()
  readonly #longLived: LongLivedGate
  readonly #topics: Topics
  readonly #onError: (error: unknown) => void
  /** What sockets inherit from instead of the runtime's prototype; made for the first of them. */
  #prototype: object | undefined
  #restarting = false

  /** `onError` is called with what a handler throws; its socket is closed with 1011. */
  constructor(longLived: LongLivedGate, topics: Topics, onError: (error: unknown) => void) {
    this.#longLived = longLived
    this.#topics = topics
    this.#onError = onError
  }

  get size(): number {
    return this.#open.size
  }

  /** The application's handlers and options, for the transport. */
  handlersFor(application: WebSocketHandlers): Record<string, unknown> {
    this.#topics.expectSubscribers()
    const handlers: Record<string, unknown> = { ...application }
    for (const event of EVENTS) {
      const handler = application[event]
      if (typeof handler === 'function')
        handlers[event] = this.#guarded(handler.bind(application) as SocketHandler)
    }
    return { ...handlers, ...this.#counting(handlers), message: handlerOf(handlers, 'message') ?? ignore }
  }

  /** Asks every client to connect again, also those whose connection is upgraded later. */
  restart(): void {
    this.#restarting = true
    for (const socket of this.#open.keys()) socket.close(SERVICE_RESTART, 'service restart')
  }

  terminate(): void {
    for (const socket of this.#open.keys()) socket.terminate()
  }

  #counting(handlers: Readonly<Record<string, unknown>>): Record<'open' | 'close', SocketHandler> {
    const open = handlerOf(handlers, 'open')
    const close = handlerOf(handlers, 'close')
    return {
      open: (socket) => {
        Object.setPrototypeOf(socket, (this.#prototype ??= publishing(socket, this.#topics)))
        const ticket = socket.data instanceof Ticket ? socket.data : undefined
        this.#open.set(socket, this.#longLived.begin(ticket?.address))
        if (ticket !== undefined) introduce(socket, ticket)
        const result = open?.(socket)
        if (this.#restarting) socket.close(SERVICE_RESTART, 'service restart')
        return result
      },
      close: (socket, ...details) => {
        this.#open.get(socket)?.()
        this.#open.delete(socket)
        return close?.(socket, ...details)
      },
    }
  }

  #guarded(handler: SocketHandler): SocketHandler {
    return (socket, ...details) => {
      try {
        const result = handler(socket, ...details)
        return result instanceof Promise
          ? result.catch((error: unknown) => this.#failed(socket, error))
          : result
      } catch (error) {
        return this.#failed(socket, error)
      }
    }
  }

  #failed(socket: Socket, error: unknown): void {
    this.#onError(error)
    socket.close(INTERNAL_ERROR, 'internal error')
  }
}

function handlerOf(handlers: Readonly<Record<string, unknown>>, event: string): SocketHandler | undefined {
  const handler = handlers[event]
  return typeof handler === 'function' ? (handler as SocketHandler) : undefined
}

/** Gives the socket the client's address: the connection comes from the balancer and has none. */
function introduce(socket: Socket, { data, address }: Ticket): void {
  socket.data = data
  if (address === undefined) return
  Object.defineProperty(socket, 'remoteAddress', { value: address, enumerable: true, configurable: true })
}

function ignore(): void {}

const PUBLISHING = ['publish', 'publishText', 'publishBinary'] as const

/** A prototype for sockets like this one, which publish to the subscribers of all workers but themselves. */
function publishing(socket: Socket, topics: Topics): object {
  const native = Object.getPrototypeOf(socket) as Record<string, Publish>
  const properties = PUBLISHING.map((method) => {
    const publish = native[method]!
    const value = function (this: Socket, ...[topic, data, compress]: Parameters<Publish>): number {
      return topics.publishBy((...message) => publish.apply(this, message), topic, data, compress)
    }
    return [method, { value, writable: true, configurable: true }] as const
  })
  return Object.create(native, Object.fromEntries(properties)) as object
}
