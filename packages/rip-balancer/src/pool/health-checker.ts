import type { HealthSettings } from '../settings/health.ts'
import { HEALTH_FAST_SHARE, HEALTH_JITTER } from '../defaults.ts'
import { BackendTlsSettings } from '../tls/backend-tls.ts'
import { systemClock, type PoolClock } from './clock.ts'
import { illnessOf } from './health-check.ts'
import type { PooledBackend } from './pooled-backend.ts'
import type { Pool } from './pool.ts'

/** What is known about one backend's checks. */
interface Patient {
  nextAtMs: number
  passes: number
  failures: number
  checking: boolean
}

export interface HealthCheckerOptions extends HealthSettings {
  readonly clock?: PoolClock
  /** A number in [0, 1). */
  readonly random?: () => number
  /** What is wrong with a backend, nothing if it passes; replaced in tests. */
  readonly ask?: (backend: PooledBackend, options: HealthSettings) => Promise<string | undefined>
  /** How TLS is spoken to backends. */
  readonly backendTls?: BackendTlsSettings
}

/**
 * Asks every backend in rotation for a path, each at its own time so that they are not all asked at once, and more
 * often while it is out or about to go out.
 */
export class HealthChecker implements Disposable {
  private readonly pool: Pool
  private readonly options: HealthCheckerOptions
  private readonly clock: PoolClock
  private readonly random: () => number
  private readonly ask: NonNullable<HealthCheckerOptions['ask']>
  private readonly patients = new WeakMap<PooledBackend, Patient>()
  private timer: Disposable | undefined
  private closed = false

  constructor(pool: Pool, options: HealthCheckerOptions) {
    this.pool = pool
    this.options = options
    this.clock = options.clock ?? systemClock
    this.random = options.random ?? Math.random
    const tls = options.backendTls ?? new BackendTlsSettings()
    this.ask = options.ask ?? ((backend, health) => illnessOf(backend.address, health, tls))
  }

  start(): void {
    this.tick()
  }

  [Symbol.dispose](): void {
    this.closed = true
    this.timer?.[Symbol.dispose]()
  }

  private tick(): void {
    if (this.closed) return
    const now = this.clock.nowMs()
    for (const backend of this.pool.backends) this.visit(backend, now)
    this.timer = this.clock.after(this.options.intervalMs * HEALTH_JITTER, () => this.tick())
  }

  private visit(backend: PooledBackend, now: number): void {
    const patient = this.patientOf(backend, now)
    if (!patient.checking && now >= patient.nextAtMs) void this.check(backend, patient)
  }

  /** The first check of a backend is somewhere within the first interval; of one that others took out, at once. */
  private patientOf(backend: PooledBackend, now: number): Patient {
    const known = this.patients.get(backend)
    if (known !== undefined) return known
    const nextAtMs = backend.healthy ? now + this.random() * this.options.intervalMs : now
    const patient = { nextAtMs, passes: 0, failures: 0, checking: false }
    this.patients.set(backend, patient)
    return patient
  }

  private async check(backend: PooledBackend, patient: Patient): Promise<void> {
    patient.checking = true
    const startedAtMs = this.clock.nowMs()
    const illness = await this.ask(backend, this.options)
    const passed = illness === undefined
    patient.checking = false
    if (this.closed) return
    patient.passes = passed ? patient.passes + 1 : 0
    patient.failures = passed ? 0 : patient.failures + 1
    this.pool.noteCheck(backend, passed)
    if (!passed && patient.failures >= this.options.fall) this.pool.setHealth(backend, false, illness)
    if (!backend.healthy && patient.passes >= this.options.rise) this.pool.setHealth(backend, true)
    patient.nextAtMs = startedAtMs + this.pauseMs(backend.healthy && passed)
  }

  private pauseMs(isWell: boolean): number {
    const jitter = 1 + HEALTH_JITTER * (2 * this.random() - 1)
    return this.options.intervalMs * jitter * (isWell ? 1 : HEALTH_FAST_SHARE)
  }
}
