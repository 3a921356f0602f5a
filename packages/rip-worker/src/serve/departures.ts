import { listenReason, WorkerError } from '../errors.ts'
import { nativeValue } from './request-view.ts'

/** Most notices that are kept for requests yet to come; the oldest are forgotten. */
const MAX_EARLY = 1024

/** A request that is told when its client leaves. */
interface Waiting {
  left(): void
}

/** A waiting request, which the garbage collector may have taken meanwhile. */
interface Entry {
  deref(): Waiting | undefined
}

/**
 * Requests whose client has left, as told by the balancer in front. The balancer cannot tell by ending its side of the
 * connection: Bun takes a half-close for the end of both directions, and a client that only ended its own side would
 * get no answer. So it sends a notice on a socket of its own, one line for each request: `REQUEST-ID ADDRESS PORT`, as
 * in the fields of the request.
 */
export class Departures implements Disposable {
  readonly #waiting = new Map<string, Entry>()
  readonly #early = new Set<string>()
  readonly #signals = new WeakMap<Request, RequestSignal>()
  readonly #forgotten = new FinalizationRegistry<readonly [key: string, entry: Entry]>((held) =>
    this.#forget(...held),
  )
  #listener: Bun.UnixSocketListener<Lines> | undefined

  /**
   * @param unix path of the socket, beside the one for requests
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
   * Aborts the signal of a request whose notice came before it, but only once the handler has begun: a listener that is
   * added to a signal already aborted is never called.
   */
  watch(request: Request): void {
    if (this.#early.size > 0 && this.#early.delete(keyOfRequest(request) ?? '')) {
      const made = this.#makeSignal(request)
      queueMicrotask(() => made.left())
    }
  }

  /** Aborts when the balancer says that the client has left, or with the connection. */
  signalOf(request: Request): AbortSignal {
    const known = this.#signals.get(request)
    if (known !== undefined) return known.signal
    const made = this.#makeSignal(request)
    const key = keyOfRequest(request)
    if (key !== undefined) this.#remember(key, made)
    return made.signal
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

  #makeSignal(request: Request): RequestSignal {
    const made = new RequestSignal(nativeValue(request, 'signal'))
    this.#signals.set(request, made)
    return made
  }

  #remember(key: string, made: RequestSignal): void {
    if (this.#early.delete(key)) return made.left()
    const entry = new WeakRef(made)
    this.#waiting.set(key, entry)
    this.#forgotten.register(made, [key, entry])
  }

  /** Forgets the entry, unless a request that was sent again has taken its place. */
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
    // Keeps the controller alive until the request is answered.
    else native.addEventListener('abort', abort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  left(): void {
    this.#controller.abort()
  }
}

function keyOfRequest({ headers }: Request): string | undefined {
  return keyOf((name) => headers.get(name) ?? undefined)
}

/** The name of a request in a notice; a client cannot forge another's, because address and port are part of it. */
function keyOf(field: (name: string) => string | undefined): string | undefined {
  const id = field('x-request-id')
  if (id === undefined) return undefined
  return `${id} ${field('x-real-ip') ?? '-'} ${field('x-real-port') ?? '0'}`
}

/** Puts together lines that arrive in pieces. */
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
