import type { Server } from 'node:http'
import { LATE_LISTEN_MS } from '../defaults.ts'
import type { Application } from './application.ts'
import type { CapturedBunServer } from './captured-bun-server.ts'
import type { CapturedNodeServer } from './captured-node-server.ts'
import type { ServerHost } from './server-host.ts'
import { addressText, isUnix, PortAttempt, portOf, type ServeAddress } from './own-port.ts'

/** The extension of this package's modules: that of the sources, or of their build. */
const OWN_EXTENSION = import.meta.path.slice(import.meta.path.lastIndexOf('.'))

type NextTick = (callback: (...values: unknown[]) => void, ...values: unknown[]) => void

export interface ServerCaptureOptions {
  /** Where clients reach the application. @default where the worker listens, else where the application wants to */
  readonly publicUrl?: string | undefined
  /** Ends the worker gracefully; resolves when it is closed. @default the application cannot end it */
  readonly leave?: () => Promise<void>
  /**
   * Called for each server that is refused once the application is served: the code that opens it may hide the error.
   */
  readonly onLate?: (attempt: PortAttempt) => void
  /** How long a module that exports no handler may take, after its import, to open its server. @default 10 s */
  readonly patienceMs?: number
}

/** What the application's servers need to know about their worker. */
export interface CaptureContext {
  readonly publicUrl: string | undefined
  /** The worker's own server, once it listens. */
  readonly host: ServerHost | undefined
  leave(): Promise<void>
}

/** A server the application opened, which the worker serves in its place. */
export interface CapturedServer {
  /** Where the application wanted it to listen, in a few words. */
  readonly place: string
  /** Whether it was to listen on the usual port: `PORT`, else 3000. */
  readonly isAtUsualPort: boolean
  readonly application: Application
  /** Makes it look to the application as if it listened. */
  accept(): void
  /** Whether the application has closed it again. */
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
 * Catches the servers an application opens, until disposed of. `node:http` and frameworks open theirs by `Bun.serve` as
 * well, so one place sees them all. The first one is kept to be served; one that answers otherwise is refused, and so
 * is every one opened after {@link settle}.
 */
export class ServerCapture implements Disposable {
  readonly #serve = Bun.serve
  readonly #listen = Bun.listen
  readonly #options: ServerCaptureOptions
  readonly #context: CaptureContext
  readonly #refused = Promise.withResolvers<never>()
  #next = Promise.withResolvers<void>()
  #captured: CapturedServer | undefined
  /** Where the captured server was opened. */
  #opened: PortAttempt | undefined
  #attempt: PortAttempt | undefined
  #host: ServerHost | undefined
  /** What is served, once that is settled. */
  #main: unknown
  #isSettled = false
  #foreign: string | undefined

  constructor(options: ServerCaptureOptions = {}) {
    this.#options = options
    this.#context = this.#createContext()
    this.#refused.promise.catch(() => {})
    Bun.serve = ((options?: ServeAddress) => this.#open(options ?? {})) as typeof Bun.serve
    Bun.listen = ((options: never) => this.#note(options)) as typeof Bun.listen
  }

  get patienceMs(): number {
    return this.#options.patienceMs ?? LATE_LISTEN_MS
  }

  /** Where the application listens by itself, with `node:http2`, `node:net` or `Bun.listen`. */
  get foreign(): string | undefined {
    return this.#foreign
  }

  get captured(): CapturedServer | undefined {
    return this.#captured?.isClosed === true ? undefined : this.#captured
  }

  /** The server that was refused, if there was one. */
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

  /** Ends the capture: the application is known, with its default export. */
  settle(main?: unknown): void {
    this.#isSettled = true
    this.#main = main
  }

  /** Why the captured server cannot be served after all. */
  refusal(beside: string): PortAttempt {
    return new PortAttempt(this.#captured?.place ?? '', beside, this.#opened)
  }

  /** Gives the captured server the worker's server, which listens now. */
  attach(host: ServerHost): void {
    this.#host = host
  }

  [Symbol.dispose](): void {
    Bun.serve = this.#serve
    Bun.listen = this.#listen
  }

  /** Servers that are not of HTTP/1 are opened: they may be there beside the application. */
  #note(options: ServeAddress): unknown {
    if (!isUnix(options) && options.port !== undefined) this.#foreign ??= addressText(options)
    return this.#listen(options as never)
  }

  #open(options: ServeAddress): unknown {
    // Once the application is served, other code that asks for any free port gets one of its own.
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
   * Throws, because `node:http` tells which of its servers was to listen only in the tick in which it reports that it
   * cannot.
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

  /** Frameworks listen on several addresses, and an application that exports a handler may listen with it later. */
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
