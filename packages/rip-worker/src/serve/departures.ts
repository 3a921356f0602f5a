import { listenReason, WorkerError } from '../errors.ts'

/** Notices that came before anybody asked; the oldest are forgotten. */
const MAX_EARLY = 1024

/** Whoever wants to know that the client of a request has left. */
interface Waiting {
  left(): void
}

/** Where somebody waits who may be gone himself. */
interface Entry {
  deref(): Waiting | undefined
}

/**
 * Requests whose client has left, as the balancer in front tells. Its connection to us says nothing of it: Bun takes a
 * half-close for the end of both directions, and a client that only ended its own side would get no answer. So it comes
 * beside, on a socket of its own, one line for each: `REQUEST-ID ADDRESS PORT`, as in the fields of the request.
 */
export class Departures implements Disposable {
  readonly #waiting = new Map<string, Entry>()
  readonly #early = new Set<string>()
  readonly #signals = new WeakMap<Request, RequestSignal>()
  readonly #forgotten = new FinalizationRegistry<readonly [key: string, entry: Entry]>((held) =>
    this.#forget(...held),
  )
  readonly #property: PropertyDescriptor
  #listener: Bun.UnixSocketListener<Lines> | undefined

  constructor() {
    const signalOf = (request: Request): AbortSignal => this.#signalOf(request)
    this.#property = {
      configurable: true,
      get(this: Request) {
        return signalOf(this)
      },
    }
  }

  /**
   * @param unix path of the socket, next to the one requests come over
   * @throws WorkerError `RIP_LISTEN_FAILED`.
   */
  listen(unix: string): void {
    try {
      this.#listener = Bun.listen<Lines>({
        unix,
        socket: {
          open: (socket) => void (socket.data = new Lines((line) => this.#left(line))),
          data: (socket, bytes) => socket.data.push(bytes),
        },
      })
    } catch (cause) {
      throw new WorkerError(
        'RIP_LISTEN_FAILED',
        { address: `unix:${unix}`, reason: listenReason(cause) },
        { cause },
      )
    }
  }

  /**
   * Has the request's own `signal` abort as well when the balancer tells of it; costs hardly more than nothing until asked.
   * A notice that came before the request aborts the signal only once the handler has begun: a listener that is added to a
   * signal already aborted is never called.
   */
  watch(request: Request): void {
    Object.defineProperty(request, 'signal', this.#property)
    if (this.#early.size > 0 && this.#early.delete(keyOfRequest(request) ?? '')) {
      const made = this.#makeSignal(request)
      queueMicrotask(() => made.left())
    }
  }

  /** Calls back at most once, if the client of that request leaves; the result ends the wait. */
  expect(field: (name: string) => string | undefined, left: () => void): () => void {
    const key = keyOf(field)
    if (key === undefined) return () => {}
    const entry = { deref: () => ({ left }) }
    if (this.#early.delete(key)) queueMicrotask(left)
    else this.#waiting.set(key, entry)
    return () => this.#forget(key, entry)
  }

  [Symbol.dispose](): void {
    this.#listener?.stop(true)
    this.#listener = undefined
  }

  #signalOf(request: Request): AbortSignal {
    const known = this.#signals.get(request)
    if (known !== undefined) return known.signal
    const made = this.#makeSignal(request)
    const key = keyOfRequest(request)
    if (key !== undefined) this.#remember(key, made)
    return made.signal
  }

  #makeSignal(request: Request): RequestSignal {
    const made = new RequestSignal(nativeSignal(request))
    this.#signals.set(request, made)
    return made
  }

  #remember(key: string, made: RequestSignal): void {
    if (this.#early.delete(key)) return made.left()
    const entry = new WeakRef(made)
    this.#waiting.set(key, entry)
    this.#forgotten.register(made, [key, entry])
  }

  /** A request that was sent again has taken the place meanwhile, perhaps. */
  #forget(key: string, entry: Entry): void {
    if (this.#waiting.get(key) === entry) this.#waiting.delete(key)
  }

  #left(key: string): void {
    const waiting = this.#waiting.get(key)?.deref()
    this.#waiting.delete(key)
    if (waiting !== undefined) return waiting.left()
    this.#early.add(key)
    if (this.#early.size > MAX_EARLY) for (const oldest of this.#early) return void this.#early.delete(oldest)
  }
}

/** A signal that aborts with the one of the connection, or before. */
class RequestSignal implements Waiting {
  readonly #controller = new AbortController()

  constructor(native: AbortSignal) {
    const abort = (): void => this.#controller.abort(native.reason)
    if (native.aborted) abort()
    // Keeps the controller for as long as the request is not answered.
    else native.addEventListener('abort', abort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  left(): void {
    this.#controller.abort()
  }
}

/** The one that aborts with the connection, whatever the request itself has by that name. */
function nativeSignal(request: Request): AbortSignal {
  return Reflect.get(Request.prototype, 'signal', request)
}

function keyOfRequest({ headers }: Request): string | undefined {
  return keyOf((name) => headers.get(name) ?? undefined)
}

/** What names a request in a notice; the client chooses none of it alone. */
function keyOf(field: (name: string) => string | undefined): string | undefined {
  const id = field('x-request-id')
  if (id === undefined) return undefined
  return `${id} ${field('x-real-ip') ?? '-'} ${field('x-real-port') ?? '0'}`
}

/** Puts lines together that arrive in pieces. */
class Lines {
  readonly #onLine: (line: string) => void
  #rest = ''

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  push(bytes: Buffer): void {
    const lines = (this.#rest + bytes.toString('latin1')).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#onLine(line)
  }
}
