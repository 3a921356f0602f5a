import { type Answer, Connection, type FailureKind, type Request, RequestFailure } from './connection.ts'
import { MIXED_TRAFFIC, type Asked, askedBy } from './mixed-traffic.ts'
import { quantile } from './quantile.ts'

/** The requests to send, and a check of their answers. */
export interface Traffic {
  /** @param ordinal number of the request, from 1 */
  request(ordinal: number): Request
  /** Checks an answer of status 200. @throws {@link RequestFailure} when it is wrong */
  check?(request: Request, answer: Answer): void
}

export interface LoadOptions {
  readonly port: number
  /** Requests started per second, also while earlier ones are not answered. */
  readonly ratePerSecond: number
  /** Number of connections to keep, for requests that allow it. @default all idle ones */
  readonly keptConnections?: number
  /** A longer wait counts as a failure. @default 10 s */
  readonly timeoutMs?: number
  /** @default {@link MIXED_TRAFFIC} */
  readonly traffic?: Traffic
  /** Called for each request that was answered or failed. */
  readonly onOutcome?: (outcome: LoadOutcome) => void
}

/** The outcome of one request; times are of `performance.now()`. */
export interface LoadOutcome {
  readonly request: Request
  readonly startedAt: number
  readonly endedAt: number
  /** Set when the request failed. */
  readonly failure?: FailureKind
  /** Why it failed. */
  readonly reason?: string
  /** The answer, if it was complete. */
  readonly answer?: Answer
}

export interface LoadReport {
  readonly sent: number
  readonly ok: number
  readonly failed: number
  readonly failures: Readonly<Partial<Record<FailureKind, number>>>
  /** The same by kind of request. */
  readonly lost: Readonly<Partial<Record<Asked, number>>>
  /** Texts of the first failures, for the reader of a report. */
  readonly examples: readonly string[]
  /** Median of all successful requests except streams, whose duration is fixed. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const HOST = '127.0.0.1'
const TIMEOUT_MS = 10_000
const MAX_EXAMPLES = 10
/** A timer of one millisecond that is later than this has waited for this process. */
const STALL_MS = 5
/** Turns of the event loop that read an answer and then the end of its connection, with two to spare. */
const TURNS = 4

/**
 * Open-loop load: requests start at a fixed rate, so that a stall of the server shows. Status and content of every
 * answer are checked, and no request is sent twice.
 */
export class Load implements AsyncDisposable {
  readonly #options: LoadOptions
  readonly #idle: Connection[] = []
  readonly #running = new Set<Promise<void>>()
  readonly #latenciesMs: number[] = []
  readonly #failures: Partial<Record<FailureKind, number>> = {}
  readonly #lost: Partial<Record<Asked, number>> = {}
  readonly #examples: string[] = []
  #startedAt = 0
  #lookedAt = 0
  /** Whether the event loop first reads what arrived during a stall. */
  #isReading = false
  #timer: ReturnType<typeof setInterval> | undefined
  #sent = 0
  #ok = 0

  constructor(options: LoadOptions) {
    this.#options = options
  }

  get sent(): number {
    return this.#sent
  }

  get failed(): number {
    return Object.values(this.#failures).reduce((sum, n) => sum + n, 0)
  }

  /** Opens connections that requests will use; they do not count as requests. @throws when one is refused */
  async open(count: number): Promise<void> {
    for (let n = 0; n < count; n++) this.#idle.push(await this.#fresh())
  }

  start(): void {
    this.#startedAt = performance.now()
    this.#lookedAt = this.#startedAt
    this.#timer = setInterval(() => this.#look(), 1)
  }

  /** Starts no further requests, waits for running ones, and reports. */
  async stop(): Promise<LoadReport> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await Promise.all(this.#running)
    for (const connection of this.#idle) connection.close()
    return {
      sent: this.#sent,
      ok: this.#ok,
      failed: this.failed,
      failures: this.#failures,
      lost: this.#lost,
      examples: this.#examples,
      p50Ms: quantile(this.#latenciesMs, 0.5),
      p99Ms: quantile(this.#latenciesMs, 0.99),
      maxMs: quantile(this.#latenciesMs, 1),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /**
   * Starts what is due, after a stall of this process not before the event loop has read what has arrived meanwhile: the
   * ends of kept connections, on which a request would be no loss of the server.
   */
  #look(): void {
    if (this.#timer === undefined || this.#isReading) return
    const before = this.#lookedAt
    this.#lookedAt = performance.now()
    if (this.#lookedAt - before <= STALL_MS) this.#startDue()
    else void this.#read()
  }

  async #read(): Promise<void> {
    this.#isReading = true
    for (let n = 0; n < TURNS; n++) await new Promise(setImmediate)
    this.#isReading = false
    this.#look()
  }

  #startDue(): void {
    const { ratePerSecond, traffic = MIXED_TRAFFIC } = this.#options
    const due = Math.floor(((performance.now() - this.#startedAt) / 1000) * ratePerSecond)
    while (this.#sent < due) {
      const request = traffic.request(++this.#sent)
      const exchange = this.#exchange(request, traffic).finally(() => this.#running.delete(exchange))
      this.#running.add(exchange)
    }
  }

  async #exchange(request: Request, traffic: Traffic): Promise<void> {
    const startedAt = performance.now()
    const { timeoutMs = TIMEOUT_MS, onOutcome } = this.#options
    let answer: Answer | undefined
    try {
      const connection = await this.#connection(request.keepAlive)
      answer = await connection.request(request, HOST, timeoutMs)
      this.#keep(request, connection)
      if (answer.status !== 200) throw new RequestFailure('status', `status ${answer.status}`)
      traffic.check?.(request, answer)
      this.#ok++
      const endedAt = performance.now()
      if (askedBy(request) !== 'stream') this.#latenciesMs.push(endedAt - startedAt)
      onOutcome?.({ request, startedAt, endedAt, answer })
    } catch (error) {
      const failure = this.#count(request, error)
      const endedAt = performance.now()
      const reason = (error as Error).message
      onOutcome?.({ request, startedAt, endedAt, failure, reason, ...(answer !== undefined && { answer }) })
    }
  }

  async #connection(keepAlive: boolean): Promise<Connection> {
    while (keepAlive) {
      const kept = this.#idle.pop()
      if (kept === undefined) break
      if (kept.open) return kept
    }
    return this.#fresh()
  }

  async #fresh(): Promise<Connection> {
    const connection = new Connection()
    await connection.connect(HOST, this.#options.port)
    return connection
  }

  #keep(request: Request, connection: Connection): void {
    if (!request.keepAlive || !connection.open) return
    const { keptConnections = Number.POSITIVE_INFINITY } = this.#options
    if (this.#idle.length < keptConnections) return void this.#idle.push(connection)
    connection.close()
  }

  #count(request: Request, error: unknown): FailureKind {
    const kind: FailureKind = error instanceof RequestFailure ? error.kind : 'reset'
    const asked = askedBy(request)
    this.#failures[kind] = (this.#failures[kind] ?? 0) + 1
    this.#lost[asked] = (this.#lost[asked] ?? 0) + 1
    if (this.#examples.length >= MAX_EXAMPLES) return kind
    const atMs = Math.round(performance.now() - this.#startedAt)
    this.#examples.push(`${atMs} ms ${request.method} ${request.path} ${kind}: ${(error as Error).message}`)
    return kind
  }
}
