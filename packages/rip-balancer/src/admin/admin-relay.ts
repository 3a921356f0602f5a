import type { BalancerConfig } from '../config/config.ts'
import { DEFAULT_POOL } from '../defaults.ts'
import { BalancerError } from '../errors.ts'
import { addressText } from '../address/backend-address.ts'
import type { BackendSpec } from '../pool/pooled-backend.ts'
import type { GenerationComparison } from '../metrics/lot-tally.ts'
import type { GenerationDrainReport } from '../pool/drains.ts'
import type { PoolStatus } from '../pool/pool-status.ts'
import type { AdminClient } from './admin-client.ts'
import {
  ADMIN_VERSION,
  type BackendDeclaration,
  type BackendDrained,
  type BalancerStatus,
  type LeaveReport,
  type RequestsReport,
} from './admin-protocol.ts'
import type { AdminPool, AdminTarget } from './admin-server.ts'
import { sumComparisons, sumMetrics, sumPools, sumRequests, sumStatuses, sumTallies } from './sum.ts'

/** A process behind the relay. */
export interface RelayedProcess {
  readonly pid: number
  readonly admin: AdminClient
  /** Resolves when it can be called. Rejects when it ended before. */
  readonly ready: Promise<unknown>
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>
}

export interface AdminRelayOptions {
  readonly processes: () => readonly RelayedProcess[]
  readonly listening: () => readonly string[]
  /** Hands another configuration to every process. */
  readonly configure: (config: BalancerConfig) => Promise<void>
  /** Whether the start is complete. */
  readonly ready: () => boolean
  /** Has all processes leave. */
  readonly leave: () => Promise<LeaveReport>
  /** Name of the pool. @default 'app' */
  readonly pool?: string
  /** Number of processes that share what a backend takes at once. */
  readonly shares: number
}

/** Longest drain that is asked for; the caller's signal ends it earlier. */
const MAX_DRAIN_MS = 86_400_000
/** A process that does not answer has this long to prove that it has ended. */
const ENDED_WITHIN_MS = 1_000

/**
 * Several balancer processes as one: each declaration goes to every process, and is acknowledged when each has
 * acknowledged. A process that ends meanwhile acknowledges nothing; `replay` brings its successor to the same state.
 */
export class AdminRelay implements AdminTarget, AdminPool {
  private readonly options: AdminRelayOptions
  private readonly name: string
  private readonly startedAtMs = performance.now()
  private readonly declared = new Map<string | undefined, readonly BackendDeclaration[]>()
  private serving: string | undefined
  /** Who drained which backend. */
  private readonly drainedBackends = new Map<string, string>()

  constructor(options: AdminRelayOptions) {
    this.options = options
    this.name = options.pool ?? DEFAULT_POOL
  }

  /** Whether anything was declared here that a new process cannot know from its configuration. */
  get hasDeclared(): boolean {
    return this.declared.size > 0
  }

  /** Who drained which backend, by its id; a new process knows it from its start on. */
  get drained(): ReadonlyMap<string, string> {
    return this.drainedBackends
  }

  /** Sends a new process the declarations that the others have. */
  async replay(admin: AdminClient): Promise<void> {
    for (const [generation, backends] of this.declared)
      await (generation === undefined ? admin.replace(backends) : admin.prepare(generation, backends))
    if (this.serving !== undefined) await admin.cut(this.serving)
  }

  /** Forgets backends without a generation: the configuration was read again and says which there are. */
  forgetReplaced(): void {
    this.declared.delete(undefined)
  }

  async status(): Promise<BalancerStatus> {
    const all = await this.each((admin) => admin.status())
    const sum = (key: 'connections' | 'requests' | 'inFlight' | 'serverErrors'): number =>
      all.reduce((total, status) => total + status[key], 0)
    return {
      version: ADMIN_VERSION,
      pid: process.pid,
      processes: all.map(({ pid }) => pid),
      ready: this.options.ready(),
      listening: this.options.listening(),
      connections: sum('connections'),
      requests: sum('requests'),
      inFlight: sum('inFlight'),
      serverErrors: sum('serverErrors'),
      statuses: sumStatuses(all.map(({ statuses }) => statuses)),
      uptimeMs: Math.round(performance.now() - this.startedAtMs),
      certificates: all[0]?.certificates ?? [],
      generations: sumTallies(all.map(({ generations }) => generations)),
      pools: sumPools(all.map(({ pools }) => pools)),
    }
  }

  async requests(): Promise<RequestsReport> {
    return sumRequests(await this.each((admin) => admin.requests()))
  }

  async metrics(): Promise<string> {
    return sumMetrics(await this.each((admin) => admin.metrics()))
  }

  async stopAccepting(): Promise<void> {
    await this.each((admin) => admin.stopAccepting())
  }

  leave(): Promise<LeaveReport> {
    return this.options.leave()
  }

  async configure(config: BalancerConfig): Promise<void> {
    await this.options.configure(config)
  }

  pool(name: string): AdminPool {
    if (name === this.name) return this
    throw new BalancerError('POOL_UNKNOWN', { pool: name, known: [this.name] })
  }

  async poolStatus(): Promise<PoolStatus> {
    const pool = (await this.status()).pools[0]
    if (pool === undefined) throw new BalancerError('POOL_UNKNOWN', { pool: this.name, known: [] })
    return pool
  }

  async prepare(generation: string | undefined, specs: readonly BackendSpec[]): Promise<void> {
    const backends = specs.map((spec) => this.declarationOf(spec))
    await this.each((admin) =>
      generation === undefined ? admin.replace(backends) : admin.prepare(generation, backends),
    )
    this.declared.set(generation, backends)
    if (generation === undefined) this.serving = undefined
  }

  /** Backends without a generation serve as soon as they are declared. */
  async cut(generation: string | undefined): Promise<void> {
    if (generation === undefined) return
    await this.each((admin) => admin.cut(generation))
    this.serving = generation
  }

  async compare(generation: string, forMs: number): Promise<GenerationComparison> {
    return sumComparisons(await this.each((admin) => admin.compare(generation, forMs)))
  }

  async drain(generation: string, signal: AbortSignal): Promise<GenerationDrainReport> {
    const startedAtMs = performance.now()
    // Now, as it may be prepared again before the drain has ended.
    this.declared.delete(generation)
    const results = await this.each((admin) => admin.drain(generation, MAX_DRAIN_MS, signal))
    const abandoned = results.reduce((total, result) => total + result.abandoned, 0)
    return { generation, abandoned, elapsedMs: performance.now() - startedAtMs }
  }

  async drainBackend(id: string, by: string): Promise<BackendDrained> {
    const answers = await this.each((admin) => admin.drainBackend(id, by))
    this.drainedBackends.set(id, by)
    return { inFlight: answers.reduce((total, { inFlight }) => total + inFlight, 0) }
  }

  async undrainBackend(id: string, by: string): Promise<void> {
    await this.each((admin) => admin.undrainBackend(id, by))
    this.drainedBackends.delete(id)
  }

  private declarationOf({ id, address, maxInFlight, weight }: BackendSpec): BackendDeclaration {
    const own = address.kind === 'tcp' ? address.tls?.own : undefined
    return {
      id,
      address: addressText(address),
      ...(own && { tls: own }),
      ...(address.http2 === 'also' && { http2: true }),
      maxInFlight: share(maxInFlight, this.options.shares),
      weight,
    }
  }

  /** Calls every process with its admin API; the answers of those that live. */
  async each<T>(call: (admin: AdminClient) => Promise<T>): Promise<T[]> {
    const answers = await Promise.all(this.options.processes().map((process) => callLiving(process, call)))
    return answers.flatMap((answer) => (answer === undefined ? [] : [answer.value]))
  }
}

/** The part of a number that each of several processes gets, at least 1. */
export function share(count: number, shares: number): number {
  return Math.max(1, Math.floor(count / shares))
}

async function callLiving<T>(
  { ready, ended, admin }: RelayedProcess,
  call: (admin: AdminClient) => Promise<T>,
): Promise<{ readonly value: T } | undefined> {
  try {
    await ready
    return { value: await call(admin) }
  } catch (error) {
    if (await endsSoon(ended)) return undefined
    throw error
  }
}

function endsSoon(ended: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), ENDED_WITHIN_MS)
  void ended.then(() => resolve(true))
  return promise.finally(() => clearTimeout(timer))
}
