import { randomBytes } from 'node:crypto'
import { Connection, RequestFailure, sha1, type Answer, type Request } from '../chaos/client.ts'

export interface LoadOptions {
  readonly port: number
  /** Requests started per second, whether or not earlier ones were answered. */
  readonly ratePerSecond: number
  /** Opened beforehand and kept; 0 has every other request open one of its own. */
  readonly keptConnections: number
}

/** A request that did not get its answer. */
export interface Failed {
  /** Its target, which no other request has. */
  readonly target: string
  readonly reason: string
}

const HOST = '127.0.0.1'
const TIMEOUT_MS = 15_000
const BODY_BYTES = 16_256
const STREAM = '0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n'

/**
 * Open-loop load: requests start at a fixed rate, so that what stalls is seen to stall. A third are POSTs, one in
 * fifty is a stream of half a second; every answer is checked, none is asked for twice.
 */
export class Load {
  readonly failures: Failed[] = []
  sent = 0
  private readonly options: LoadOptions
  private readonly idle: Connection[] = []
  private readonly running = new Set<Promise<void>>()
  private readonly latenciesMs: number[] = []
  private readonly startedAtMs = performance.now()
  private readonly timer: ReturnType<typeof setInterval>

  private constructor(options: LoadOptions) {
    this.options = options
    this.timer = setInterval(() => this.startDue(), 1)
  }

  static async start(options: LoadOptions): Promise<Load> {
    const kept = Array.from({ length: options.keptConnections }, () => new Connection())
    for (const connection of kept) await connection.connect(HOST, options.port)
    const load = new Load(options)
    load.idle.push(...kept)
    return load
  }

  /** Starts nothing more and waits for what runs. */
  async stop(): Promise<void> {
    clearInterval(this.timer)
    await Promise.all(this.running)
    for (const connection of this.idle) connection.close()
  }

  quantileMs(share: number): number {
    const sorted = this.latenciesMs.toSorted((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  }

  private startDue(): void {
    const due = Math.floor(((performance.now() - this.startedAtMs) / 1000) * this.options.ratePerSecond)
    while (this.sent < due) {
      const exchange = this.exchange(this.nextRequest()).finally(() => this.running.delete(exchange))
      this.running.add(exchange)
    }
  }

  private nextRequest(): Request {
    const n = ++this.sent
    const keepAlive = this.options.keptConnections > 0 || n % 2 !== 0
    if (n % 50 === 0) return { method: 'GET', path: `/stream?n=${n}`, keepAlive }
    if (n % 3 === 0) return { method: 'POST', path: `/echo?n=${n}`, body: randomBytes(BODY_BYTES), keepAlive }
    return { method: 'GET', path: `/?n=${n}`, keepAlive }
  }

  private async exchange(request: Request): Promise<void> {
    const startedAtMs = performance.now()
    try {
      const connection = await this.connection(request.keepAlive)
      check(request, await connection.request(request, HOST, TIMEOUT_MS))
      if (!request.path.startsWith('/stream')) this.latenciesMs.push(performance.now() - startedAtMs)
      if (request.keepAlive && connection.open) this.idle.push(connection)
    } catch (error) {
      const kind = error instanceof RequestFailure ? error.kind : 'failed'
      this.failures.push({ target: request.path, reason: `${kind}: ${(error as Error).message}` })
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

function check(request: Request, answer: Answer): void {
  if (answer.status !== 200) throw new RequestFailure('status', `status ${answer.status}`)
  if (answer.body.toString() !== expected(request)) throw new RequestFailure('checksum', 'another answer')
}

function expected(request: Request): string {
  if (request.body !== undefined) return sha1(request.body)
  return request.path.startsWith('/stream') ? STREAM : request.path
}
