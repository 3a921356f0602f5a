import type { ResolvedHealth } from '../config/resolve-config.ts'
import { HEALTH_FAST_SHARE, HEALTH_JITTER } from '../defaults.ts'
import { systemClock, type PoolClock } from './clock.ts'
import { addressText, type Member } from './member.ts'
import type { Pool } from './pool.ts'

/** What is known about one backend's checks. */
interface Patient {
  nextAtMs: number
  passes: number
  failures: number
  checking: boolean
}

export interface HealthCheckerOptions extends ResolvedHealth {
  readonly clock?: PoolClock
  /** A number in [0, 1). */
  readonly random?: () => number
  /** What is wrong with a backend, nothing if it passes; replaced in tests. */
  readonly ask?: (member: Member, options: ResolvedHealth) => Promise<string | undefined>
}

/**
 * Asks every backend in rotation for a path, each at its own time so that they are not all asked at once, and more
 * often while it is about to go out or to come back.
 */
export class HealthChecker implements Disposable {
  private readonly pool: Pool
  private readonly options: HealthCheckerOptions
  private readonly clock: PoolClock
  private readonly random: () => number
  private readonly ask: NonNullable<HealthCheckerOptions['ask']>
  private readonly patients = new WeakMap<Member, Patient>()
  private timer: Disposable | undefined
  private closed = false

  constructor(pool: Pool, options: HealthCheckerOptions) {
    this.pool = pool
    this.options = options
    this.clock = options.clock ?? systemClock
    this.random = options.random ?? Math.random
    this.ask = options.ask ?? illnessOf
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
    for (const member of this.pool.members) this.visit(member, now)
    this.timer = this.clock.after(this.options.intervalMs * HEALTH_JITTER, () => this.tick())
  }

  private visit(member: Member, now: number): void {
    const patient = this.patientOf(member, now)
    if (!patient.checking && now >= patient.nextAtMs) void this.check(member, patient)
  }

  /** The first check of a backend is somewhere within the first interval; of one that others took out, at once. */
  private patientOf(member: Member, now: number): Patient {
    const known = this.patients.get(member)
    if (known !== undefined) return known
    const nextAtMs = member.healthy ? now + this.random() * this.options.intervalMs : now
    const patient = { nextAtMs, passes: 0, failures: 0, checking: false }
    this.patients.set(member, patient)
    return patient
  }

  private async check(member: Member, patient: Patient): Promise<void> {
    patient.checking = true
    const illness = await this.ask(member, this.options)
    const passed = illness === undefined
    patient.checking = false
    if (this.closed) return
    patient.passes = passed ? patient.passes + 1 : 0
    patient.failures = passed ? 0 : patient.failures + 1
    if (passed) this.pool.noteReached(member)
    if (!passed && patient.failures >= this.options.fall) this.pool.setHealth(member, false, illness)
    if (!member.healthy && patient.passes >= this.options.rise) this.pool.setHealth(member, true)
    patient.nextAtMs = this.clock.nowMs() + this.pauseMs(member.healthy === passed)
  }

  private pauseMs(settled: boolean): number {
    const jitter = 1 + HEALTH_JITTER * (2 * this.random() - 1)
    return this.options.intervalMs * jitter * (settled ? 1 : HEALTH_FAST_SHARE)
  }
}

/** Of an answer that is longer, the rest is not asked for. */
const MAX_ANSWER_BYTES = 64 * 1024

/** Nothing for a 2xx answer, complete and in time; what happened instead for any other. */
async function illnessOf(
  { address }: Member,
  { path, host, timeoutMs }: ResolvedHealth,
): Promise<string | undefined> {
  const place = address.kind === 'unix' ? 'localhost' : addressText(address)
  try {
    const response = await fetch(`http://${place}${path}`, {
      ...(host !== undefined && { headers: { host } }),
      redirect: 'manual',
      keepalive: false,
      proxy: false,
      signal: AbortSignal.timeout(timeoutMs),
      ...(address.kind === 'unix' && { unix: address.path }),
    })
    await readAnswer(response)
    return response.ok ? undefined : `status ${response.status}`
  } catch (error) {
    return failureText(error as NodeJS.ErrnoException, timeoutMs)
  }
}

function failureText({ name, code = '', message }: NodeJS.ErrnoException, timeoutMs: number): string {
  if (name === 'TimeoutError') return `timed out after ${timeoutMs / 1_000} s`
  return FAILURES[code] ?? message
}

/** What `fetch` calls the ways in which a connection fails. */
const FAILURES: Readonly<Record<string, string>> = {
  ConnectionRefused: 'connection refused',
  ECONNREFUSED: 'connection refused',
  FailedToOpenSocket: 'connection refused',
  ENOENT: 'its socket does not exist',
  ECONNRESET: 'connection reset',
  ConnectionClosed: 'connection closed in the middle of the answer',
}

/** @throws when it breaks off */
async function readAnswer({ body }: Response): Promise<void> {
  let bytes = 0
  for await (const chunk of body ?? []) if ((bytes += chunk.length) > MAX_ANSWER_BYTES) return
}
