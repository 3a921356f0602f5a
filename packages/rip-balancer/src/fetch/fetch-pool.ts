import type { BalancerConfig } from '../config/config.ts'
import {
  backendDefaults,
  poolSettings,
  resolveConfig,
  type ResolvedConfig,
} from '../config/resolve-config.ts'
import type { BackendList } from '../discovery/discovery.ts'
import { Membership } from '../discovery/membership.ts'
import { BalancerError } from '../errors.ts'
import { NetworkCounts } from '../exchange/network-counts.ts'
import { plainAddress } from '../address/node-address.ts'
import { LearnedField } from '../exchange/learned-field.ts'
import { StickyCookie } from '../exchange/sticky-cookie.ts'
import { poolReports } from '../log/pool-reports.ts'
import { ReportPace } from '../log/report-pace.ts'
import { errorPages } from '../pages/error-pages.ts'
import { TlsReports } from '../log/tls-reports.ts'
import type { Backend } from '../upstream/backend.ts'
import type { BackendAddress, BackendTls } from '../address/backend-address.ts'
import type { Outcome } from '../pool/claim.ts'
import { HealthChecker } from '../pool/health-checker.ts'
import { addressText } from '../address/backend-address.ts'
import { Pool } from '../pool/pool.ts'
import { askWith, reachWith } from '../pool/reach.ts'
import { BackendTlsSettings, type SecureOptions } from '../tls/backend-tls.ts'
import { isUnverified, tlsFailure } from '../tls/tls-failure.ts'
import type { PoolStatus } from '../pool/pool-status.ts'
import { LearnedKeys } from '../pool/learned-keys.ts'
import { StickyNames } from '../pool/sticky-names.ts'
import { isEventStreamType } from './event-stream-type.ts'
import { nameClient, withoutHopByHop } from './forwarded-headers.ts'
import { PoolClaim, type PoolAffinity } from './pool-claim.ts'
import { whenConsumed } from './when-consumed.ts'

/** The part of a balancer's configuration that a pool without listeners has. */
export type PoolConfig = Pick<BalancerConfig, (typeof POOL_KEYS)[number]> & {
  readonly timeouts?: Pick<NonNullable<BalancerConfig['timeouts']>, 'response'>
  readonly limits?: Pick<NonNullable<BalancerConfig['limits']>, 'longLived' | 'longLivedPerAddress'>
}

const POOL_KEYS = [
  'to',
  'pool',
  'policy',
  'hashKey',
  'stickyCookie',
  'learnedField',
  'maxInFlight',
  'queue',
  'slowStart',
  'waitForBackends',
  'retries',
  'ejection',
  'health',
  'backendTls',
] as const

export interface PoolHooks {
  /** Something an operator should know, such as why a backend takes no requests. */
  readonly onWarning?: (message: string) => void
}

export interface PoolFetchOptions {
  /**
   * Address of the client, for `hashKey: 'ip'`, for the event streams of each client, and for the backend: what the request
   * says about its client and its way is replaced by `X-Forwarded-For`, `-Proto`, `-Host` and `X-Real-IP`. Without it such
   * fields pass as they are.
   */
  readonly client?: string
  /** How the client came, for the cookie of `sticky` and `X-Forwarded-Proto`. @default as the URL of the request says */
  readonly scheme?: 'http' | 'https'
}

/**
 * A pool for servers that have listeners of their own. It sends a request to one of its backends and gives the
 * response back as it is: not decompressed, redirects not followed. What the outer server and `fetch` cannot
 * carry does not pass: trailers, interim responses, upgrades.
 */
export class FetchPool implements AsyncDisposable {
  readonly pool: Pool
  private readonly config: ResolvedConfig
  private readonly affinity: PoolAffinity
  private readonly health: HealthChecker | undefined
  private readonly membership: Membership
  /** Event streams by client. */
  private readonly streams = new NetworkCounts()
  private readonly onWarning: (message: string) => void
  private readonly pace = new ReportPace<'longLived' | 'longLivedPerAddress'>()
  private readonly backendTls: BackendTlsSettings
  private readonly tlsFailures: TlsReports

  /** @throws `CONFIG_INVALID` with every problem */
  constructor(config: PoolConfig, { onWarning = () => {} }: PoolHooks = {}) {
    refuseOthers(config)
    this.onWarning = onWarning
    this.config = resolveConfig(config)
    this.backendTls = new BackendTlsSettings(this.config.backendTls, onWarning)
    this.backendTls.check(this.config.backends.map(({ address }) => address))
    this.tlsFailures = new TlsReports(onWarning)
    const reach = reachWith(() => this.backendTls)
    const ask = askWith(() => this.backendTls)
    const { policy, hashKey, stickyCookie, stickyKey, learnedField } = this.config
    const names = new StickyNames(stickyKey)
    const keys = new LearnedKeys(onWarning)
    keys.use(learnedField)
    const sticky = stickyCookie && new StickyCookie(stickyCookie, names)
    const learned = policy === 'learn' ? new LearnedField(learnedField.name, keys) : undefined
    this.affinity = { hashKey, sticky, learned }
    const observer = poolReports(onWarning)
    this.pool = new Pool({
      ...poolSettings(this.config),
      name: this.config.pool,
      names,
      learned: keys,
      observer,
      reach,
      ask,
    })
    this.membership = new Membership(this.pool, { warn: onWarning })
    this.membership.declare(this.config.backends)
    const { health } = this.config
    this.health = health && new HealthChecker(this.pool, { ...health, backendTls: this.backendTls })
    this.health?.start()
  }

  status(): PoolStatus {
    return this.pool.status()
  }

  /** Takes its backends from a source from now on; resolves when the source has ended. */
  discover(source: AsyncIterable<BackendList>): Promise<void> {
    return this.membership.discover(source, () => backendDefaults(this.config))
  }

  /**
   * The response of a backend; 503 when none is free in time, 502 and 504 when it fails.
   *
   * @throws the reason of `request.signal` when it aborts before there is a response
   */
  fetch = async (request: Request, options: PoolFetchOptions = {}): Promise<Response> => {
    const client = options.client === undefined ? undefined : plainAddress(options.client)
    const { scheme = schemeOf(request) } = options
    const claim = new PoolClaim(this.pool, this.affinity, request, { address: client ?? '', scheme })
    const headers = backendHeaders(request, client, scheme)
    const tried: Backend[] = []
    for (;;) {
      const backend = await claim.take(request.signal, tried)
      if (typeof backend === 'string') return refusal(tried.length > 0 ? 502 : 503, request)
      const { onTrial } = backend
      const result = await this.attempt(request, headers, backend, options.client)
      if (result instanceof Response) return this.noteAffinity(result, backend, claim)
      this.pool.release(backend, result, onTrial)
      request.signal.throwIfAborted()
      tried.push(backend)
      if (!isRefused(request, result)) return refusal(result === 'response-timeout' ? 504 : 502, request)
    }
  }

  /** Refuses requests that wait; requests at a backend end in their own time. Idempotent. */
  close(): Promise<void> {
    this.pool.close()
    this.health?.[Symbol.dispose]()
    this.membership[Symbol.dispose]()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The response, which gives the backend back when its body ends, or how the attempt failed. */
  private async attempt(
    request: Request,
    headers: Headers,
    backend: Backend,
    client: string | undefined,
  ): Promise<Response | Outcome> {
    const { responseMs } = this.config.timeouts
    const { onTrial } = backend
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), Math.min(responseMs, 2 ** 31 - 1))
    try {
      const response = await fetch(backendUrl(request, backend), {
        method: request.method,
        headers,
        body: request.body,
        redirect: 'manual',
        decompress: false,
        // Whatever the environment says: a backend is no site behind a company's proxy.
        proxy: false,
        signal: AbortSignal.any([request.signal, late.signal]),
        ...(backend.address.kind === 'unix' && { unix: backend.address.path }),
        ...this.secure(backend.address),
      })
      if (opensEventStream(response)) return this.hold(request, response, { backend, onTrial, client })
      return whenConsumed(response, withoutHopByHop(response.headers), (outcome) =>
        this.pool.release(backend, outcome, onTrial),
      )
    } catch (error) {
      if (request.signal.aborted) return 'client-gone'
      if (late.signal.aborted) return 'response-timeout'
      if (secureOf(backend.address) === undefined || !isOfTls(error)) return outcomeOf(error)
      const reason = tlsFailure(error)
      this.tlsFailures.note(backend.id, reason)
      this.pool.noteTlsFailure(backend.id, reason)
      return 'connect-failed'
    } finally {
      clearTimeout(timer)
    }
  }

  /** An event stream lasts for as long as its client likes: it leaves its place to others. */
  private hold(request: Request, response: Response, { backend, onTrial, client }: Holding): Response {
    const isFull = !this.pool.hasRoom(backend)
    if (isFull || !this.mayStream(client)) {
      void response.body?.cancel().catch(() => undefined)
      this.pool.release(backend, 'ok', onTrial)
      this.tellLimit(isFull ? 'longLived' : 'longLivedPerAddress')
      return refusal(503, request)
    }
    if (client !== undefined) this.streams.add(client)
    this.pool.hold(backend, 'event-stream', onTrial)
    return whenConsumed(response, withoutHopByHop(response.headers), (outcome) => {
      if (client !== undefined) this.streams.remove(client)
      this.pool.letGo(backend, 'event-stream', outcome)
    })
  }

  private mayStream(client: string | undefined): boolean {
    return client === undefined || this.streams.hasRoom(client, this.config.limits.maxLongLivedPerAddress)
  }

  /** Once a minute at most. */
  private tellLimit(name: 'longLived' | 'longLivedPerAddress'): void {
    if (this.pace.next(name) === undefined) return
    this.onWarning(`an event stream was refused with 503: limits.${name} of the pool is reached`)
  }

  private secure(address: BackendAddress): { readonly tls?: SecureOptions } {
    const secure = secureOf(address)
    return secure === undefined ? {} : { tls: this.backendTls.optionsFor(secure) }
  }

  private noteAffinity(response: Response, backend: Backend, claim: PoolClaim): Response {
    const cookie = this.affinity.sticky?.valueFor(backend, claim)
    if (cookie !== undefined) response.headers.append('set-cookie', cookie)
    this.affinity.learned?.learnFrom({ values: (name) => [response.headers.get(name) ?? ''] }, backend)
    return response
  }
}

const schemeOf = ({ url }: Request): 'http' | 'https' => (url.startsWith('https:') ? 'https' : 'http')
interface Holding {
  readonly backend: Backend
  /** It was on trial when it was claimed. */
  readonly onTrial: boolean
  readonly client: string | undefined
}

/** An event stream whose end is not known: one with a declared length is a download. */
function opensEventStream(response: Response): boolean {
  const { headers } = response
  if (!isEventStreamType(headers.get('content-type'))) return false
  return !headers.has('content-length') && response.body !== null
}

/** Nothing was sent, and there is no body that may have been read: the next backend is asked, each of them once. */
function isRefused(request: Request, outcome: Outcome): boolean {
  return outcome === 'connect-failed' && request.body === null
}

/**
 * A pool for a server of your own.
 *
 * ```ts
 * await using pool = createPool({ to: ['127.0.0.1:3000', 'unix:/run/app.sock'] })
 * Bun.serve({ fetch: (request) => pool.fetch(request) })
 * ```
 *
 * @throws `CONFIG_INVALID`
 */
export function createPool(config: PoolConfig, hooks?: PoolHooks): FetchPool {
  return new FetchPool(config, hooks)
}

function refuseOthers(config: PoolConfig): void {
  const known: readonly string[] = [...POOL_KEYS, 'timeouts', 'limits']
  const problems = Object.keys(config)
    .filter((key) => !known.includes(key))
    .map((key) => `${key}: a pool without listeners has no such key; known: ${known.join(', ')}`)
  if (problems.length > 0) throw new BalancerError('CONFIG_INVALID', { problems })
}

/** The connection goes to the backend, `Host` says what the client asked for. */
function backendUrl(request: Request, { address }: Backend): string {
  const { pathname, search } = new URL(request.url)
  const origin = address.kind === 'unix' ? 'localhost' : addressText(address)
  // `fetch` speaks HTTP/1.1 only in plain text.
  return `${origin.startsWith('https://') ? '' : 'http://'}${origin.replace('h2c://', '')}${pathname}${search}`
}

function backendHeaders(request: Request, client: string | undefined, scheme: string): Headers {
  const headers = withoutHopByHop(request.headers)
  if (!headers.has('host')) headers.set('host', new URL(request.url).host)
  if (client !== undefined) nameClient(headers, client, scheme)
  // A body is sent as it comes, in chunks.
  if (request.body !== null) headers.delete('content-length')
  return headers
}

function refusal(status: 502 | 503 | 504, request: Request): Response {
  const accept = request.headers.get('accept') ?? undefined
  const { contentType, body } = errorPages.render(status, request.headers.get('x-request-id') ?? '-', accept)
  const headers = { 'content-type': contentType, ...(status === 503 && { 'retry-after': '1' }) }
  return new Response(body, { status, headers })
}

const secureOf = (address: BackendAddress): BackendTls | undefined =>
  address.kind === 'unix' ? undefined : address.tls

/** A certificate that is not accepted, or a handshake that fails: nothing was sent. */
function isOfTls(error: unknown): error is Error {
  const isTls = isUnverified(error as Error) || (error as NodeJS.ErrnoException).code === 'EPROTO'
  return isTls && !NOT_CONNECTED.has((error as NodeJS.ErrnoException).code)
}

/** What `fetch` says when no connection could be made. */
const NOT_CONNECTED: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
])

function outcomeOf(error: unknown): Outcome {
  return NOT_CONNECTED.has((error as NodeJS.ErrnoException).code) ? 'connect-failed' : 'reset'
}
