import { randomBytes } from 'node:crypto'
import { Connection, RequestFailure, type Request } from '../chaos/client.ts'

export interface PatternLoadOptions {
  readonly port: number
  readonly ratePerSecond: number
  /** One request in twenty is for 1.5 MB. */
  readonly large: boolean
}

/** What became of a request. */
export interface Sample {
  /** Milliseconds of `performance.now`. */
  readonly startedAtMs: number
  readonly tookMs: number
  /** Who answered. */
  readonly backend: string | undefined
  /** Why it failed, if it did. */
  readonly failure: string | undefined
}

const HOST = '127.0.0.1'
const TIMEOUT_MS = 10_000
const LARGE_BYTES = 1_500_000

/** Requests at a fixed rate, a third of them POSTs, half on fresh connections; none is asked for twice. */
export class PatternLoad {
  readonly samples: Sample[] = []
  sent = 0
  private readonly options: PatternLoadOptions
  private readonly idle: Connection[] = []
  private readonly running = new Set<Promise<void>>()
  private readonly startedAtMs = performance.now()
  private readonly timer: ReturnType<typeof setInterval>

  constructor(options: PatternLoadOptions) {
    this.options = options
    this.timer = setInterval(() => this.startDue(), 1)
  }

  /** Starts nothing more and waits for what runs. */
  async stop(): Promise<void> {
    clearInterval(this.timer)
    await Promise.all(this.running)
    for (const connection of this.idle) connection.close()
  }

  private startDue(): void {
    const due = Math.floor(((performance.now() - this.startedAtMs) / 1000) * this.options.ratePerSecond)
    while (this.sent < due) {
      const exchange = this.exchange(this.nextRequest()).finally(() => this.running.delete(exchange))
      this.running.add(exchange)
    }
  }

  /** Kinds come in no order that a round robin could fall in step with, and the same for all. */
  private nextRequest(): Request {
    const n = ++this.sent
    const drawn = Bun.hash.xxHash32(String(n))
    const keepAlive = drawn % 2 !== 0
    if (this.options.large && drawn % 20 === 0)
      return { method: 'GET', path: `/bytes/${LARGE_BYTES}`, keepAlive }
    if (drawn % 3 === 0) return { method: 'POST', path: `/?n=${n}`, body: randomBytes(1_024), keepAlive }
    return { method: 'GET', path: `/?n=${n}`, keepAlive }
  }

  private async exchange(request: Request): Promise<void> {
    const startedAtMs = performance.now()
    const note = (backend: string | undefined, failure: string | undefined): void =>
      void this.samples.push({ startedAtMs, tookMs: performance.now() - startedAtMs, backend, failure })
    try {
      const connection = await this.connection(request.keepAlive)
      const { status, headers, body } = await connection.request(request, HOST, TIMEOUT_MS)
      const isWhole = request.path.startsWith('/bytes/')
        ? body.length === LARGE_BYTES
        : body.toString().endsWith(` ${request.path}`)
      if (request.keepAlive && connection.open) this.idle.push(connection)
      note(headers.get('x-backend'), status === 200 && isWhole ? undefined : `status ${status}`)
    } catch (error) {
      note(undefined, error instanceof RequestFailure ? error.kind : String(error))
    }
  }

  private async connection(keepAlive: boolean): Promise<Connection> {
    while (keepAlive && this.idle.length > 0) {
      const kept = this.idle.pop()
      if (kept?.open === true) return kept
    }
    const fresh = new Connection()
    await fresh.connect(HOST, this.options.port)
    return fresh
  }
}
