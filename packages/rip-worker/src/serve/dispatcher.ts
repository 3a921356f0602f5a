import type { ErrorHandler, Handler } from '../application/application.ts'
import { WorkerError } from '../errors.ts'
import type { ConcurrencyGate } from './concurrency-gate.ts'
import type { Departures } from './departures.ts'
import type { Topics } from '../bus/topics.ts'
import { type EventStreams, isEventStream } from './event-streams.ts'
import { type LongLivedGate, TOO_MANY_LONG_LIVED } from './long-lived-gate.ts'
import { type ContextHost, LazyContext } from './request-context.ts'
import type { RequestView } from './request-view.ts'

export interface DispatcherOptions {
  readonly fetch: Handler
  readonly error: ErrorHandler | undefined
  readonly host: ContextHost
  readonly gate: ConcurrencyGate
  readonly eventStreams: EventStreams
  readonly longLived: LongLivedGate
  readonly topics: Pick<Topics, 'joining'>
  /** What handlers see of a request; absent where that is what Bun says. */
  readonly view: RequestView | undefined
  /** Clients that have left, as the balancer tells; absent without one. */
  readonly departures: Departures | undefined
  /** Whether connections are to be closed after their response. */
  readonly isDraining: () => boolean
  /** Whether the handler turned this request into a WebSocket, so that there is nothing to answer. */
  readonly isUpgraded: (request: Request) => boolean
  /** Whether the upgrade was refused because too many are open. */
  readonly isUpgradeRefused: (request: Request) => boolean
  /** Logs the failure and makes the page for it. */
  readonly onFailure: (error: unknown, request: Request, id: string) => Response | Promise<Response>
  /** Like `onFailure`, when the request is not known any more. */
  readonly onUnsent: (error: unknown) => Response
}

type Answer = Response | undefined

/**
 * Takes each request through the gate to the application, and makes a response of what the handler returns or throws.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions
  /** Requests whose handler has not answered yet. */
  readonly #unanswered = new Set<Request>()
  #requests = 0

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  /** Requests answered or being answered since the start. */
  get requests(): number {
    return this.#requests
  }

  /** Requests whose handler is at work, in order of arrival. */
  get unanswered(): readonly Request[] {
    return [...this.#unanswered]
  }

  /** Answers with `route` if given, else with the application's `fetch`. */
  dispatch(request: Request, route?: Handler): Answer | Promise<Answer> {
    this.#requests++
    this.#options.view?.show(request)
    this.#options.departures?.watch(request)
    if (this.#options.gate.mustWait()) return this.#wait(request, route)
    return this.#run(request, route)
  }

  async #wait(request: Request, route: Handler | undefined): Promise<Answer> {
    const outcome = await this.#options.gate.wait(request.signal)
    if (outcome === 'entered') return this.#run(request, route)
    return outcome === 'left' ? clientLeft() : busy('Too many requests are waiting')
  }

  #run(request: Request, route: Handler | undefined): Answer | Promise<Answer> {
    const { host, fetch } = this.#options
    const context = new LazyContext(host, request)
    try {
      // The type of the third argument is left to the handler; see `Handler`.
      const result = (route ?? fetch)(request, context, context as never)
      if (result instanceof Promise) return this.#settle(result, request, context)
      return this.#finish(result, request, context)
    } catch (error) {
      return this.#fail(error, request, context)
    }
  }

  async #settle(result: Promise<unknown>, request: Request, context: LazyContext): Promise<Answer> {
    this.#unanswered.add(request)
    try {
      return await this.#finish(await result, request, context)
    } catch (error) {
      return this.#fail(error, request, context)
    } finally {
      this.#unanswered.delete(request)
    }
  }

  #finish(result: unknown, request: Request, context: LazyContext): Answer | Promise<Answer> {
    const { joining } = this.#options.topics
    // A client that has its answer may rely on the subscription it asked for.
    if (joining !== undefined) return joining.then(() => this.#finish(result, request, context))
    this.#options.gate.answered()
    if (this.#options.isUpgradeRefused(request)) return tooMany(result)
    if (result instanceof Response) {
      const flaw = flawOf(result)
      return flaw === undefined ? this.#prepare(result, request) : this.#fail(flaw, request, context)
    }
    if (this.#options.isUpgraded(request)) return undefined
    return this.#fail(new WorkerError('RIP_NOT_A_RESPONSE', { returned: describe(result) }), request, context)
  }

  #prepare(response: Response, request: Request): Response {
    const whole = request.method === 'HEAD' ? withoutBody(response) : response
    const sent = isEventStream(whole) ? this.#stream(whole, request) : whole
    return this.#options.isDraining() ? withConnectionClose(sent) : sent
  }

  #stream(response: Response, request: Request): Response {
    const { longLived, eventStreams, host } = this.#options
    const address = host.requestIP(request)?.address
    if (!longLived.admits(address)) return tooMany(response)
    return eventStreams.track(response, request.method, longLived.begin(address))
  }

  async #fail(error: unknown, request: Request, context: LazyContext): Promise<Answer> {
    this.#options.gate.answered()
    if (this.#options.isUpgradeRefused(request)) return tooMany(error)
    if (error instanceof Response && flawOf(error) === undefined) return this.#prepare(error, request)
    if (request.signal.aborted) return clientLeft()
    const { failure, response } = await this.#ownAnswer(causeOf(error))
    return this.#prepare(response ?? (await this.#options.onFailure(failure, request, context.id)), request)
  }

  /** Answers when a valid response could not be sent, for example because its file does not exist. */
  async answerUnsent(error: unknown): Promise<Response> {
    const { failure, response } = await this.#ownAnswer(error)
    return response ?? this.#options.onUnsent(failure)
  }

  /** Calls the application's own error handler; if that fails in turn, the newer failure is reported. */
  async #ownAnswer(error: unknown): Promise<{ readonly failure: unknown; readonly response?: Response }> {
    if (this.#options.error === undefined) return { failure: error }
    try {
      const response = await this.#options.error(error instanceof Error ? error : new Error(String(error)))
      if (!(response instanceof Response)) return { failure: error }
      const flaw = flawOf(response)
      return flaw === undefined ? { failure: error, response } : { failure: flaw }
    } catch (failure) {
      return { failure }
    }
  }
}

/** For a thrown response that cannot be sent, the reason says more about the failure than the response. */
function causeOf(thrown: unknown): unknown {
  return thrown instanceof Response ? flawOf(thrown) : thrown
}

/** Why a response cannot be sent; Bun would print this to the console and answer with a page of its own. */
function flawOf(response: Response): WorkerError | undefined {
  const { status, bodyUsed } = response
  if (bodyUsed) return new WorkerError('RIP_RESPONSE_USED', { status })
  return status === 0 ? new WorkerError('RIP_RESPONSE_ERROR', { status }) : undefined
}

/**
 * The answer to HEAD, with the fields that GET would get (RFC 9110 section 9.3.2): for a stream, Bun drops the declared
 * length.
 */
function withoutBody(response: Response): Response {
  if (!response.headers.has('content-length')) return response
  // Cancels the body, so that its producer stops.
  void response.body?.cancel().catch(() => {})
  return new Response(null, response)
}

/** Adds `Connection: close`: its sender takes no other request on this connection (RFC 9112 section 9.6). */
function withConnectionClose(response: Response): Response {
  try {
    response.headers.set('connection', 'close')
    return response
  } catch {
    // TypeError: headers of a response that came from `fetch` or `Response.redirect` cannot be changed.
    const copy = new Response(response.body, response)
    copy.headers.set('connection', 'close')
    return copy
  }
}

/** An answer that no client reads; its status is the one nginx logs when a client closed its request. */
function clientLeft(): Response {
  return new Response(null, { status: 499 })
}

/** The 503 that replaces the application's answer, if there is one. */
function tooMany(result: unknown): Response {
  // Cancels the body, so that its producer stops.
  if (result instanceof Response && !result.bodyUsed) void result.body?.cancel().catch(() => {})
  return busy(TOO_MANY_LONG_LIVED)
}

function busy(text: string): Response {
  return new Response(`${text}\n`, { status: 503, headers: { 'retry-after': '1' } })
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (typeof value !== 'object' && typeof value !== 'function') return `a ${typeof value} (${preview(value)})`
  return `an object of type ${value.constructor?.name ?? 'without a prototype'}`
}

function preview(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
