import { randomBytes } from 'node:crypto'
import { Connection, RequestFailure, sha1, type Answer, type FailureKind, type Request } from './client.ts'

export interface LoadOptions {
  readonly port: number
  /** Requests started per second, whether or not earlier ones were answered. */
  readonly ratePerSecond: number
  /** Connections that are kept; the other half of the requests opens a fresh one each. */
  readonly keptConnections: number
  /** A longer wait counts as a failure. */
  readonly timeoutMs: number
  /** Told about each request that was answered or failed; times are of `performance.now()`. */
  readonly onOutcome?: (outcome: LoadOutcome) => void
}

export interface LoadOutcome {
  readonly request: Request
  readonly startedAt: number
  readonly endedAt: number
  /** Nothing when it succeeded. */
  readonly failure?: FailureKind
  readonly answer?: Answer
}

export type Asked = 'GET' | 'POST' | 'stream'

export interface LoadReport {
  readonly sent: number
  readonly ok: number
  readonly failed: number
  readonly failures: Readonly<Partial<Record<FailureKind, number>>>
  /** The same by what was asked: plain GETs could be repeated elsewhere, the others not once they had begun. */
  readonly lost: Readonly<Partial<Record<Asked, number>>>
  /** First failures as text, for the reader of a report. */
  readonly examples: readonly string[]
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const HOST = '127.0.0.1'
const BODY_BYTES = 16_256
/** Shares of the traffic: 30 % POST with checksum, 1 % streams of about a second (a process per request is busy all along), the rest plain GET. */
const POST_SHARE = 0.3
const STREAM_SHARE = 0.01
const MAX_EXAMPLES = 10

/**
 * Open-loop load: requests start at a fixed rate, so that a server that stalls is seen to stall. Every
 * answer's status and content is checked.
 */
export class Load {
  readonly #options: LoadOptions
  readonly #idle: Connection[] = []
  readonly #running = new Set<Promise<void>>()
  readonly #latenciesMs: number[] = []
  readonly #failures: Partial<Record<FailureKind, number>> = {}
  readonly #lost: Partial<Record<Asked, number>> = {}
  readonly #examples: string[] = []
  readonly #startedAt = performance.now()
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

  start(): void {
    this.#timer = setInterval(() => this.#startDue(), 1)
  }

  /** Starts nothing more, waits for what runs, and reports. */
  async stop(): Promise<LoadReport> {
    clearInterval(this.#timer)
    await Promise.all(this.#running)
    for (const connection of this.#idle) connection.close()
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b)
    const quantile = (q: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
    return {
      sent: this.#sent,
      ok: this.#ok,
      failed: this.failed,
      failures: this.#failures,
      lost: this.#lost,
      examples: this.#examples,
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      maxMs: quantile(1),
    }
  }

  #startDue(): void {
    const due = Math.floor(((performance.now() - this.#startedAt) / 1000) * this.#options.ratePerSecond)
    while (this.#sent < due) {
      this.#sent++
      const exchange = this.#exchange(this.#makeRequest(this.#sent)).finally(() =>
        this.#running.delete(exchange),
      )
      this.#running.add(exchange)
    }
  }

  #makeRequest(ordinal: number): Request {
    const keepAlive = ordinal % 2 === 0
    const draw = Math.random()
    if (draw < POST_SHARE) return { method: 'POST', path: '/echo', body: randomBytes(BODY_BYTES), keepAlive }
    if (draw < POST_SHARE + STREAM_SHARE) return { method: 'GET', path: '/stream', keepAlive }
    return { method: 'GET', path: `/?n=${ordinal}`, keepAlive }
  }

  async #exchange(request: Request): Promise<void> {
    const startedAt = performance.now()
    try {
      const connection = await this.#connection(request.keepAlive)
      const answer = await connection.request(request, HOST, this.#options.timeoutMs)
      check(request, answer)
      this.#ok++
      const endedAt = performance.now()
      this.#latenciesMs.push(endedAt - startedAt)
      this.#options.onOutcome?.({ request, startedAt, endedAt, answer })
      this.#keep(request, connection)
    } catch (error) {
      const failure = this.#count(request, error)
      this.#options.onOutcome?.({ request, startedAt, endedAt: performance.now(), failure })
    }
  }

  async #connection(keepAlive: boolean): Promise<Connection> {
    while (keepAlive) {
      const kept = this.#idle.pop()
      if (kept === undefined) break
      if (kept.open) return kept
    }
    const fresh = new Connection()
    await fresh.connect(HOST, this.#options.port)
    return fresh
  }

  #keep(request: Request, connection: Connection): void {
    if (!request.keepAlive || !connection.open) return
    if (this.#idle.length < this.#options.keptConnections) return void this.#idle.push(connection)
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

export function askedBy({ method, path }: Request): Asked {
  return path === '/stream' ? 'stream' : method
}

function check(request: Request, answer: Answer): void {
  if (answer.status !== 200) throw new RequestFailure('status', `status ${answer.status}`)
  if (request.path === '/stream') return checkStream(answer)
  if (request.body === undefined) return
  const expected = sha1(request.body)
  if (answer.body.toString() !== expected)
    throw new RequestFailure('checksum', `not the SHA-1 of what was sent`)
}

/** A stream is ten lines `0` to `9`; anything shorter was cut. */
function checkStream(answer: Answer): void {
  if (answer.body.toString() !== '0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n')
    throw new RequestFailure('cut', 'incomplete stream')
}
