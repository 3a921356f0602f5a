import type { Server } from 'node:http'
import type { Application } from './application.ts'
import { addressText, hasTls, isUnix, portOf, type ServeAddress } from './own-port.ts'
import { publicAddress, socketAddress } from './public-address.ts'
import type { CapturedServer, CaptureContext } from './server-capture.ts'

/**
 * A server of `node:http` that the application asked to listen: from here on it looks as if it did, on the public
 * address. The worker makes it listen on its own socket.
 */
export class CapturedNodeServer implements CapturedServer {
  readonly place: string
  readonly #server: Server
  readonly #context: CaptureContext
  readonly #asked: ServeAddress
  #isClosed = false

  constructor(server: Server, asked: ServeAddress, context: CaptureContext) {
    this.#server = server
    this.#asked = asked
    this.#context = context
    this.place = addressText(asked)
  }

  get application(): Application {
    return { nodeServer: this.#server }
  }

  get isAtUsualPort(): boolean {
    return !isUnix(this.#asked) && portOf(this.#asked) === portOf({})
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get ignored(): readonly string[] {
    return hasTls(this.#asked) ? ['tls'] : []
  }

  isMadeOf(main: unknown): boolean {
    return main === this.#server || this.serves(main)
  }

  serves(handler: unknown): boolean {
    return this.#server.listeners('request').some((listener) => listener === handler)
  }

  isSameAs(other: CapturedServer): boolean {
    return this.#server.listeners('request').some((listener) => other.serves(listener))
  }

  /** Replaces methods of this one server, so that other users of `node:http` are not affected. */
  accept(): void {
    Object.defineProperties(this.#server, {
      listening: { configurable: true, get: () => !this.#isClosed },
      listen: { configurable: true, writable: true, value: this.#listenAgain.bind(this) },
      address: { configurable: true, writable: true, value: () => this.#addressOf() },
      close: { configurable: true, writable: true, value: (callback?: () => void) => this.#close(callback) },
    })
    // By then the worker may listen to this server's events, and would take this one for the start of its own.
    const emit = this.#server.emit.bind(this.#server)
    process.nextTick(() => emit('listening'))
  }

  /** An application that is exported may have been asked to listen by the worker, and do so itself later. */
  #listenAgain(...values: unknown[]): Server {
    const prototype = Object.getPrototypeOf(this.#server) as {
      readonly listen: (...values: unknown[]) => Server
    }
    if (this.#isClosed) return prototype.listen.apply(this.#server, values)
    const callback = values.at(-1)
    if (typeof callback === 'function') process.nextTick(() => Reflect.apply(callback, this.#server, []))
    return this.#server
  }

  #addressOf(): ReturnType<Server['address']> {
    if (this.#isClosed) return null
    if (isUnix(this.#asked)) return String(this.#asked.unix)
    return socketAddress(this.#asked, publicAddress(this.#asked, this.#context.publicUrl).port)
  }

  /** Makes the worker leave, as SIGTERM does; `close` is emitted when its last connection has ended. */
  #close(callback?: () => void): Server {
    if (callback !== undefined) this.#server.once('close', callback)
    if (this.#isClosed) return this.#server
    this.#isClosed = true
    if (this.#context.host !== undefined) void this.#context.leave()
    else process.nextTick(() => this.#server.emit('close'))
    return this.#server
  }
}
