import { chmodSync, existsSync, rmSync } from 'node:fs'
import { parseBackendAddress } from '../config/address.ts'
import { ConfigReader } from '../config/config-reader.ts'
import { HTTP2_FORM, TLS_FORM, readBackendTls, withTls, withHttp2 } from '../config/backend-config.ts'
import { WEIGHT_FORM, isWeight } from '../config/weight.ts'
import type { BackendTlsConfig } from '../settings/backend-tls.ts'
import type { BalancerConfig } from '../config/config.ts'
import { DEFAULT_COMPARE_MS, DEFAULT_MAX_IN_FLIGHT, DEFAULT_TIMEOUTS, DEFAULT_WEIGHT } from '../defaults.ts'
import { BalancerError, listenFailure, type BalancerErrorCode } from '../errors.ts'
import type { BackendSpec } from '../pool/pooled-backend.ts'
import type { GenerationComparison } from '../metrics/lot-tally.ts'
import type { GenerationDrainReport } from '../pool/drains.ts'
import type { PoolStatus } from '../pool/pool-status.ts'
import { METRICS_TYPE } from '../metrics/metrics-server.ts'
import { removeStaleSocket } from '../stale-socket.ts'
import type {
  BackendBody,
  BackendDeclaration,
  BackendDrained,
  BalancerStatus,
  CompareBody,
  CutBody,
  DrainBody,
  LeaveReport,
  PoolBody,
  PrepareBody,
  RequestsReport,
} from './admin-protocol.ts'

/** What the admin API shows and changes: one process, or several that act as one. */
export interface AdminTarget {
  status(): BalancerStatus | Promise<BalancerStatus>
  /** What is being answered, and how routes were answered lately. */
  requests(): RequestsReport | Promise<RequestsReport>
  /** Prometheus text. */
  metrics(): string | Promise<string>
  /** New connections are left to others; those open end with the request under way. */
  stopAccepting(): void | Promise<void>
  /** Finishes what is under way, then ends. Resolves when nothing is left. */
  leave(): Promise<LeaveReport>
  /** Takes over another configuration. @throws `CONFIG_INVALID` and others; then nothing has changed */
  configure(config: BalancerConfig): void | Promise<void>
  /** @throws `POOL_UNKNOWN` */
  pool(name: string): AdminPool
}

/** What the admin API does with a pool; each resolves when the change is in force. */
export interface AdminPool {
  poolStatus(): PoolStatus | Promise<PoolStatus>
  prepare(generation: string | undefined, backends: readonly BackendSpec[]): void | Promise<void>
  cut(generation: string | undefined): void | Promise<void>
  compare(generation: string, forMs: number): GenerationComparison | Promise<GenerationComparison>
  drain(generation: string, signal: AbortSignal): Promise<GenerationDrainReport>
  /** @throws `BACKEND_UNKNOWN` */
  drainBackend(id: string, by: string): BackendDrained | Promise<BackendDrained>
  /** @throws `BACKEND_UNKNOWN` */
  undrainBackend(id: string, by: string): void | Promise<void>
}

type Handler = (pool: AdminPool, body: unknown, signal: AbortSignal) => unknown

/** The admin API: HTTP with JSON on a Unix socket that only its owner can open. */
export class AdminServer implements AsyncDisposable {
  private readonly path: string
  private readonly target: AdminTarget
  private readonly servers: { stop(force: boolean): Promise<void> }[] = []
  private timer: ReturnType<typeof setInterval> | undefined
  private closing: Promise<void> | undefined
  /** The caller waits for the outcome. */
  private tellsEnd = false

  constructor(path: string, target: AdminTarget) {
    this.path = path
    this.target = target
  }

  /** @throws `ADDRESS_IN_USE`, `LISTEN_FAILED` */
  async start(): Promise<void> {
    await removeStaleSocket(this.path)
    this.listen()
    this.timer = setInterval(() => this.restore(), RESTORE_MS)
    this.timer.unref()
  }

  /** The socket was removed: it is made again, so that the balancer can be reached. */
  private restore(): void {
    if (this.closing !== undefined || existsSync(this.path)) return
    try {
      this.listen()
    } catch {
      // ENOENT: its folder is gone as well; the next attempt succeeds when the folder is made again.
    }
  }

  /** @throws `ADDRESS_IN_USE`, `LISTEN_FAILED` */
  private listen(): void {
    // A socket that no other user can open, from the moment it exists.
    const before = process.umask(0o177)
    try {
      const server = Bun.serve({
        unix: this.path,
        maxRequestBodySize: MAX_BODY_BYTES,
        fetch: (request, server) => {
          // A drain is silent for as long as it takes.
          server.timeout(request, 0)
          return this.answer(request)
        },
      })
      this.servers.push(server)
    } catch (error) {
      throw listenFailure(`unix:${this.path}`, error)
    } finally {
      process.umask(before)
    }
    chmodSync(this.path, 0o600)
  }

  close(): Promise<void> {
    this.closing ??= this.stop()
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async stop(): Promise<void> {
    clearInterval(this.timer)
    if (this.servers.length === 0) return
    if (this.tellsEnd) await this.lastAnswers()
    await Promise.all(this.servers.map((server) => server.stop(true)))
    rmSync(this.path, { force: true })
  }

  /** What has been answered gets to who asked. */
  private async lastAnswers(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, LAST_ANSWERS_MS)
    await Promise.race([Promise.all(this.servers.map((server) => server.stop(false))), promise])
    clearTimeout(timer)
  }

  private async leave(): Promise<Response> {
    this.tellsEnd = true
    const { abandoned } = await this.target.leave()
    return Response.json({ abandoned } satisfies LeaveReport)
  }

  private async answer(request: Request): Promise<Response> {
    try {
      return await this.route(request)
    } catch (error) {
      if (!(error instanceof BalancerError)) throw error
      if (isRefusal(error)) return Response.json({ code: error.code, ...error.detail }, error.detail)
      const code: BalancerErrorCode = error.code
      return Response.json({ code, message: error.message }, { status: STATUSES[code] ?? 409 })
    }
  }

  private async stopAccepting(): Promise<Response> {
    await this.target.stopAccepting()
    return Response.json({ ok: true })
  }

  private async configure(body: unknown): Promise<Response> {
    await this.target.configure(objectOf<BalancerConfig>(body))
    return Response.json({ ok: true })
  }

  private async route(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    const call = `${request.method} ${pathname}`
    if (call === 'GET /status') return Response.json(await this.target.status())
    if (call === 'GET /requests') return Response.json(await this.target.requests())
    if (call === 'GET /metrics') return new Response(await this.target.metrics(), { headers: METRICS_TYPE })
    if (call === 'POST /stop-accepting') return this.stopAccepting()
    if (call === 'POST /leave') return this.leave()
    if (call === 'PUT /config') return this.configure(await bodyOf(request))
    const [, pools, name, verb, extra] = pathname.split('/')
    const handler = extra === undefined ? handlers[`${request.method} ${verb ?? ''}`.trim()] : undefined
    if (pools !== 'pools' || name === undefined || handler === undefined) return unknownCall(call)
    const pool = this.target.pool(decoded(name))
    return Response.json((await handler(pool, await bodyOf(request), request.signal)) ?? { ok: true })
  }
}

/** Of errors that are no conflict. */
const STATUSES: { readonly [code in BalancerErrorCode]?: number } = {
  POOL_UNKNOWN: 404,
  BACKEND_UNKNOWN: 404,
  CONFIG_INVALID: 400,
}

/** How often a removed socket is noticed. */
const RESTORE_MS = 1_000
/** Other answers under way at the end get this long to arrive. */
const LAST_ANSWERS_MS = 200
const MAX_BODY_BYTES = 4 * 1024 * 1024

const handlers: Readonly<Record<string, Handler>> = {
  GET: (pool) => pool.poolStatus(),
  PUT: async (pool, body) => {
    await pool.prepare(undefined, backendSpecs(objectOf<PoolBody>(body).backends))
    await pool.cut(undefined)
  },
  'POST prepare': (pool, body) => {
    const { generation, backends } = objectOf<PrepareBody>(body)
    return pool.prepare(generationOf(generation), backendSpecs(backends))
  },
  'POST cut': (pool, body) => pool.cut(generationOf(objectOf<CutBody>(body).generation)),
  'POST compare': (pool, body) => {
    const { generation, forMs = DEFAULT_COMPARE_MS } = objectOf<CompareBody>(body)
    if (!Number.isFinite(forMs) || forMs <= 0)
      throw invalid(`forMs must be a number of milliseconds above 0, but is ${String(forMs)}`)
    return pool.compare(generationOf(generation), forMs)
  },
  'POST drain': (pool, body, signal) => {
    const { generation, timeoutMs = DEFAULT_TIMEOUTS.drainMs } = objectOf<DrainBody>(body)
    if (!Number.isFinite(timeoutMs) || timeoutMs < 0)
      throw invalid(`timeoutMs must be a number of milliseconds, but is ${String(timeoutMs)}`)
    return pool.drain(generationOf(generation), AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))
  },
  'POST drain-backend': (pool, body) => {
    const { backend, by } = backendOf(body)
    return pool.drainBackend(backend, by)
  },
  'POST undrain-backend': (pool, body) => {
    const { backend, by } = backendOf(body)
    return pool.undrainBackend(backend, by)
  },
}

function backendOf(body: unknown): Required<BackendBody> {
  const { backend, by = 'the admin API' } = objectOf<BackendBody>(body)
  if (typeof backend !== 'string' || backend === '')
    throw invalid(`backend must be a text, but is ${JSON.stringify(backend)}`)
  if (typeof by !== 'string' || !/^[^\p{C}]{1,100}$/u.test(by))
    throw invalid(`by must be a text of 1 to 100 printable characters, but is ${JSON.stringify(by)}`)
  return { backend, by }
}

/** Another process said no: its words are passed on. */
const isRefusal = (error: BalancerError): error is BalancerError<'ADMIN_REFUSED'> =>
  error.code === 'ADMIN_REFUSED'

/** A segment of a path; what is no escape names itself. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    // URIError.
    return segment
  }
}

const unknownCall = (call: string): Response =>
  Response.json({ code: 'UNKNOWN_CALL', message: `the admin API has no ${call}` }, { status: 404 })

async function bodyOf(request: Request): Promise<unknown> {
  if (request.method === 'GET') return undefined
  try {
    return await request.json()
  } catch {
    // SyntaxError: the only way reading JSON from a connected client fails.
    throw invalid('the body must be JSON')
  }
}

function objectOf<T>(body: unknown): T {
  if (typeof body !== 'object' || body === null)
    throw invalid(`expected a JSON object, got ${JSON.stringify(body)}`)
  // Backends are checked where they are used.
  return body as T
}

function generationOf(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw invalid(`generation must be a text, but is ${JSON.stringify(value)}`)
}

function backendSpecs(backends: unknown): BackendSpec[] {
  if (!Array.isArray(backends)) throw invalid('backends must be a list')
  return backends.map((each) => memberSpec(objectOf<BackendDeclaration>(each)))
}

function memberSpec({
  id,
  address,
  tls,
  http2 = false,
  maxInFlight = DEFAULT_MAX_IN_FLIGHT,
  weight = DEFAULT_WEIGHT,
}: BackendDeclaration): BackendSpec {
  const parsed = typeof address === 'string' ? parseBackendAddress(address) : undefined
  if (typeof id !== 'string' || id === '') throw invalid(`id must be a text, but is ${JSON.stringify(id)}`)
  if (parsed === undefined)
    throw invalid(
      `address must be unix:PATH, host:port, https://host:port or h2c://host:port, but is ${JSON.stringify(address)}`,
    )
  const secured = tls === undefined ? parsed : withTls(parsed, tlsOf(tls))
  if (secured === undefined) throw invalid(`tls must be ${TLS_FORM}`)
  if (typeof http2 !== 'boolean')
    throw invalid(`http2 must be true or false, but is ${JSON.stringify(http2)}`)
  const place = http2 ? withHttp2(secured) : secured
  if (place === undefined) throw invalid(`http2 must be ${HTTP2_FORM}`)
  if (!Number.isSafeInteger(maxInFlight) || maxInFlight < 1)
    throw invalid(`maxInFlight must be a whole number from 1 on, but is ${JSON.stringify(maxInFlight)}`)
  if (!isWeight(weight)) throw invalid(`weight must be ${WEIGHT_FORM}, but is ${JSON.stringify(weight)}`)
  return { id, address: place, maxInFlight, weight }
}

function tlsOf(value: unknown): BackendTlsConfig {
  const problems: string[] = []
  const tls = readBackendTls(new ConfigReader(value, 'tls', problems))
  if (problems.length > 0) throw new BalancerError('CONFIG_INVALID', { problems })
  return tls
}

const invalid = (problem: string): BalancerError =>
  new BalancerError('CONFIG_INVALID', { problems: [problem] })
