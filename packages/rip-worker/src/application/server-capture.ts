import type { Server } from 'node:http'
import type { Application } from './application.ts'
import type { CapturedBunServer } from './captured-bun-server.ts'
import type { CapturedNodeServer } from './captured-node-server.ts'
import type { ServerHost } from './server-host.ts'
import { addressText, isUnix, PortAttempt, portOf, type ServeAddress } from './own-port.ts'

/** Of the sources or of what they were built to. */
const OWN_EXTENSION = import.meta.path.slice(import.meta.path.lastIndexOf('.'))

type NextTick = (callback: (...values: unknown[]) => void, ...values: unknown[]) => void

export interface ServerCaptureOptions {
  /** Where clients reach the application. @default where the worker listens, else where the application wants to */
  readonly publicUrl?: string | undefined
  /** Ends the worker gracefully; resolves when it is closed. @default nobody can */
  readonly leave?: () => Promise<void>
  /** Told of each server that is refused once the application is served: whoever opens it may keep it to itself. */
  readonly onLate?: (attempt: PortAttempt) => void
}

/** What servers of the application need to know of the worker around them. */
export interface CaptureContext {
  readonly publicUrl: string | undefined
  /** The worker's own server, once it listens. */
  readonly host: ServerHost | undefined
  leave(): Promise<void>
}

/** A server the application opened, which the worker serves in its place. */
export interface CapturedServer {
  /** Where it was to listen, in a few words. */
  readonly place: string
  /** It was to listen where servers do that nobody told otherwise: on `PORT`, else 3000. */
  readonly isAtUsualPort: boolean
  readonly application: Application
  /** The application may go on as if it listened. */
  accept(): void
  /** The application has closed it again. */
  readonly isClosed: boolean
  /** Names of options that do not apply below a balancer. */
  readonly ignored: readonly string[]
  /** Whether the default export of the application is what this server serves. */
  isMadeOf(main: unknown): boolean
  /** Whether requests go to this handler. */
  serves(handler: unknown): boolean
  /** Whether another server would answer in the same way, for example on another address. */
  isSameAs(other: CapturedServer): boolean
}

/**
 * Catches the servers an application opens, until disposed of. `node:http` and frameworks open theirs by
 * `Bun.serve` as well, so one place sees them all. The first one is kept to be served; one that answers
 * otherwise is refused, and so is each that comes after {@link settle}.
 */
export class ServerCapture implements Disposable {
  readonly #serve = Bun.serve
  readonly #options: ServerCaptureOptions
  readonly #context: CaptureContext
  readonly #refused = Promise.withResolvers<never>()
  #next = Promise.withResolvers<void>()
  #captured: CapturedServer | undefined
  /** Of where the server was opened that is captured. */
  #opened: PortAttempt | undefined
  #attempt: PortAttempt | undefined
  #host: ServerHost | undefined
  /** What is served, once that is settled. */
  #main: unknown
  #isSettled = false

  constructor(options: ServerCaptureOptions = {}) {
    this.#options = options
    this.#context = this.#createContext()
    this.#refused.promise.catch(() => {})
    Bun.serve = ((options?: ServeAddress) => this.#open(options ?? {})) as typeof Bun.serve
  }

  get captured(): CapturedServer | undefined {
    return this.#captured?.isClosed === true ? undefined : this.#captured
  }

  /** What the code tried to open in vain, once it did. */
  get attempt(): PortAttempt | undefined {
    return this.#attempt
  }

  /** Resolves when the next server was captured. */
  get opened(): Promise<void> {
    return this.#next.promise
  }

  /** Rejects when a server was refused. */
  get refused(): Promise<never> {
    return this.#refused.promise
  }

  /** The application is known, with its default export: nothing more is captured. */
  settle(main?: unknown): void {
    this.#isSettled = true
    this.#main = main
  }

  /** Why the captured server cannot be served after all. */
  refusal(beside: string): PortAttempt {
    return new PortAttempt(this.#captured?.place ?? '', beside, this.#opened)
  }

  /** The worker listens. */
  attach(host: ServerHost): void {
    this.#host = host
  }

  [Symbol.dispose](): void {
    Bun.serve = this.#serve
  }

  #open(options: ServeAddress): unknown {
    // Whoever asks for any free port of its own gets it, as long as it is not the application.
    if (this.#isSettled && !isUnix(options) && portOf(options) === 0) return this.#serve(options as never)
    const attempt = new PortAttempt(addressText(options), this.#served)
    if ('onNodeHTTPRequest' in options) return this.#openNode(options, attempt)
    const server: CapturedServer = new (bunServerClass())(options, this.#context)
    if (!this.#take(server, attempt)) throw attempt
    return server
  }

  #createContext(): CaptureContext {
    const { publicUrl, leave = async () => {} } = this.#options
    const hostOf = (): ServerHost | undefined => this.#host
    return {
      leave,
      get publicUrl() {
        return publicUrl ?? hostOf()?.url
      },
      get host() {
        return hostOf()
      },
    }
  }

  /**
   * `node:http` does not say which of its servers is to listen, except in the tick in which it reports that one could
   * not.
   */
  #openNode(options: ServeAddress, attempt: PortAttempt): never {
    const nextTick = Reflect.get(process, 'nextTick') as NextTick
    process.nextTick = ((callback, ...values) => {
      process.nextTick = nextTick
      const isOurs = values[1] === attempt
      const server = isOurs && this.#nodeServer(values[0] as Server, options)
      if (!server || !this.#take(server, attempt)) nextTick(callback, ...values)
    }) satisfies NextTick
    throw attempt
  }

  #nodeServer(server: Server, options: ServeAddress): CapturedServer {
    return new (nodeServerClass())(server, options, this.#context)
  }

  /** False when it is refused. */
  #take(server: CapturedServer, attempt: PortAttempt): boolean {
    const isAnother = this.#isAnother(server)
    if (isAnother && (this.captured !== undefined || this.#isSettled)) {
      this.#refuse(attempt)
      return false
    }
    server.accept()
    if (!isAnother) return true
    this.#captured = server
    this.#opened = attempt
    this.#next.resolve()
    this.#next = Promise.withResolvers()
    return true
  }

  /** Frameworks listen on several addresses; and who exports a handler may listen with it later on. */
  #isAnother(server: CapturedServer): boolean {
    if (this.captured !== undefined && server.isSameAs(this.captured)) return false
    return !this.#isSettled || !server.isMadeOf(this.#main)
  }

  #refuse(attempt: PortAttempt): void {
    if (this.#isSettled) return this.#options.onLate?.(attempt)
    this.#attempt ??= attempt
    this.#refused.reject(attempt)
  }

  get #served(): string | undefined {
    const { captured } = this
    if (captured !== undefined) return `the one on ${captured.place}`
    return this.#isSettled ? 'the application that is served already' : undefined
  }
}

// Most applications export a handler, and each module takes half a millisecond of every start. `Bun.serve` cannot wait.

function bunServerClass(): typeof CapturedBunServer {
  const neighbour = `./captured-bun-server${OWN_EXTENSION}`
  return (import.meta.require(neighbour) as { CapturedBunServer: typeof CapturedBunServer }).CapturedBunServer
}

function nodeServerClass(): typeof CapturedNodeServer {
  const neighbour = `./captured-node-server${OWN_EXTENSION}`
  return (import.meta.require(neighbour) as { CapturedNodeServer: typeof CapturedNodeServer })
    .CapturedNodeServer
}
