import type { BackendDeclaration } from '@rip/balancer'
import { AdminClient } from '@rip/balancer/supervisor'
import {
  type Backend,
  type BalancerIntroduction,
  type Comparison,
  type DrainReport,
  type GenerationId,
  isListener,
  type JoinNotice,
  ManagerError,
  type Observer,
  type ResponseCounts,
  type Router,
} from '@rip/manager'
import { type Traffic, trafficOf } from './traffic.ts'

/** Longest drain that is asked for; the manager's signal ends it earlier. */
const MAX_DRAIN_MS = 86_400_000
/** A balancer that has joined and lives follows an order in this time. */
const FOLLOW_WITHIN_MS = 5_000
/** Nobody who asks how things are waits longer for a balancer. */
const TRAFFIC_WITHIN_MS = 1_000
/** A balancer that does not answer has this long to prove that it has gone. */
const GONE_WITHIN_MS = 1_000

export interface BalancerSetOptions {
  /** Balancers this server started itself. @default none */
  readonly own?: readonly AdminClient[]
  /** Told, a sentence each, who comes and goes. */
  readonly note: (message: string) => void
  readonly warn: (message: string) => void
}

/**
 * All balancers that route to the workers of one application: those of the server itself, and those that joined it. An order
 * is acknowledged when each of them has acknowledged. One that joins is told what the others were told before it counts; one
 * that has gone acknowledges nothing; one that lives and does not follow is left out until it joins again.
 */
export class BalancerSet implements Router, Observer {
  readonly #own: readonly AdminClient[]
  readonly #note: (message: string) => void
  readonly #warn: (message: string) => void
  readonly #joined = new Set<JoinedBalancer>()
  readonly #declared = new Map<GenerationId, readonly Backend[]>()
  #serving: GenerationId | undefined
  #closed = false
  /** One order after the other, so that nobody misses one while it joins. */
  #orders: Promise<unknown> = Promise.resolve()

  constructor({ own = [], note, warn }: BalancerSetOptions) {
    this.#own = own
    this.#note = note
    this.#warn = warn
  }

  prepare(generation: GenerationId, backends: readonly Backend[]): Promise<void> {
    return this.#order(async () => {
      this.#declared.set(generation, backends)
      await this.#each((admin) => admin.prepare(generation, this.#shares(backends)))
    })
  }

  cut(generation: GenerationId): Promise<void> {
    return this.#order(async () => {
      await this.#each((admin) => admin.cut(generation))
      this.#serving = generation
    })
  }

  async drain(generation: GenerationId, { signal }: { readonly signal: AbortSignal }): Promise<DrainReport> {
    // Now, as it may be prepared again before the drain has ended.
    this.#declared.delete(generation)
    const reports = await this.#ask((admin) => admin.drain(generation, MAX_DRAIN_MS, signal))
    const abandoned = reports.reduce((sum, report) => sum + report.abandoned, 0)
    return { abandoned }
  }

  async read(generation: GenerationId): Promise<ResponseCounts> {
    const statuses = await this.#ask((admin) => admin.status())
    const own = statuses
      .flatMap(({ generations }) => generations)
      .filter((tally) => tally.generation === generation)
    return {
      requests: own.reduce((sum, { requests }) => sum + requests, 0),
      errors: own.reduce((sum, { errors }) => sum + errors, 0),
    }
  }

  /** What they count at the moment; `undefined` when there is none, or one does not answer in time. */
  async traffic(): Promise<Traffic | undefined> {
    const statuses = await within(
      TRAFFIC_WITHIN_MS,
      this.#ask((admin) => admin.status()),
    ).catch(() => [])
    return statuses.length === 0 ? undefined : trafficOf(statuses)
  }

  async compare(before: GenerationId, forMs: number): Promise<Comparison> {
    const all = await this.#ask((admin) => admin.compare(before, forMs))
    return { kinds: all.flatMap(({ kinds }) => kinds), clients: all.flatMap(({ clients }) => clients) }
  }

  /**
   * Takes a balancer in until the signal aborts. Resolves when it has been told all there is.
   *
   * @throws ManagerError `BALANCER_REFUSED`
   */
  async join(introduction: BalancerIntroduction, signal: AbortSignal): Promise<AsyncIterable<JoinNotice>> {
    const { pid, socket } = introduction
    if (!isListener(socket, pid)) throw refused(pid, `nothing of that process listens on ${socket}`)
    const balancer = new JoinedBalancer(introduction, signal)
    await this.#order(() => this.#admit(balancer))
    this.#note(`balancer process ${pid} has joined`)
    void balancer.gone.then(() => this.#forget(balancer))
    return balancer.notices()
  }

  /** Who has joined. */
  get joined(): readonly BalancerIntroduction[] {
    return [...this.#joined].map(({ introduction }) => introduction)
  }

  /** Nobody can join any more; resolves when all who had have sent their requests elsewhere, or keep them. */
  async leave(): Promise<void> {
    this.#closed = true
    await Promise.all(
      [...this.#joined].map((balancer) => {
        balancer.tellLeaving()
        return balancer.gone
      }),
    )
  }

  async #admit(balancer: JoinedBalancer): Promise<void> {
    if (this.#closed) throw refused(balancer.pid, 'the manager is stopping')
    this.#joined.add(balancer)
    try {
      await balancer.follow((admin) => this.#replay(admin))
    } catch (error) {
      this.#joined.delete(balancer)
      throw refused(balancer.pid, error instanceof Error ? error.message : String(error))
    }
    await this.#shareAgain(balancer)
  }

  #forget(balancer: JoinedBalancer): void {
    this.#joined.delete(balancer)
    this.#note(`balancer process ${balancer.pid} has left`)
    void this.#order(() => this.#shareAgain())
  }

  /** Tells a new balancer what the others were told. */
  async #replay(admin: AdminClient): Promise<void> {
    for (const [generation, backends] of this.#declared)
      await admin.prepare(generation, this.#shares(backends))
    if (this.#serving !== undefined && this.#declared.has(this.#serving)) await admin.cut(this.#serving)
    await this.#forgetOthers(admin)
  }

  /** It may have been told of generations by somebody whose workers have gone. */
  async #forgetOthers(admin: AdminClient): Promise<void> {
    const known = (await admin.status()).pools.flatMap(({ backends }) => backends)
    const staying = known.filter(({ state }) => state !== 'leaving').map(({ generation }) => generation)
    for (const generation of new Set(staying))
      if (generation !== null && !this.#declared.has(generation)) await admin.drain(generation, 0)
  }

  /** What a worker takes at once is divided anew among those that are here. */
  async #shareAgain(except?: JoinedBalancer): Promise<void> {
    if (this.#closed) return
    try {
      for (const [generation, backends] of this.#declared)
        await this.#each((admin) => admin.prepare(generation, this.#shares(backends)), except)
    } catch (error) {
      this.#warn(error instanceof Error ? error.message : String(error))
    }
  }

  #shares(backends: readonly Backend[]): readonly BackendDeclaration[] {
    const shares = Math.max(1, this.#own.length + this.#joined.size)
    return backends.map(({ id, socket, maxInFlight }) => ({
      id,
      address: `unix:${socket}`,
      maxInFlight: Math.max(1, Math.floor(maxInFlight / shares)),
    }))
  }

  async #each(call: (admin: AdminClient) => Promise<void>, except?: JoinedBalancer): Promise<void> {
    const joined = [...this.#joined].filter((balancer) => balancer !== except)
    await Promise.all([
      ...this.#own.map((admin) => call(admin)),
      ...joined.map((balancer) => balancer.follow(call)),
    ])
  }

  /** The answers of all that have not gone meanwhile. */
  async #ask<T>(call: (admin: AdminClient) => Promise<T>): Promise<readonly T[]> {
    const answers = await Promise.all([
      ...this.#own.map((admin) => call(admin)),
      ...[...this.#joined].map((balancer) => balancer.unlessGone(call)),
    ])
    return answers.filter((answer) => answer !== undefined)
  }

  #order<T>(run: () => Promise<T>): Promise<T> {
    const order = this.#orders.then(run)
    this.#orders = order.catch(() => undefined)
    return order
  }
}

/** A balancer that is no child of this server, from its joining on. */
class JoinedBalancer {
  readonly introduction: BalancerIntroduction
  readonly pid: number
  /** Resolves when it has closed its connection. */
  readonly gone: Promise<void>
  readonly #admin: AdminClient
  readonly #leaving = Promise.withResolvers<'leaving'>()
  readonly #dropped = Promise.withResolvers<void>()

  constructor(introduction: BalancerIntroduction, signal: AbortSignal) {
    const { pid, socket } = introduction
    this.introduction = introduction
    this.pid = pid
    this.#admin = new AdminClient({ socket })
    const closed = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    this.gone = Promise.race([closed, this.#dropped.promise])
  }

  tellLeaving(): void {
    this.#leaving.resolve('leaving')
  }

  async *notices(): AsyncGenerator<JoinNotice> {
    yield { type: 'joined' }
    const reason = await Promise.race([this.#leaving.promise, this.gone])
    if (reason === undefined) return
    yield { type: 'leaving' }
    await this.gone
  }

  /** What it answers; nothing when it has gone meanwhile. Left out when it lives and does not follow, which throws. */
  async follow<T>(call: (admin: AdminClient) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.unlessGone(call, FOLLOW_WITHIN_MS)
    } catch (error) {
      this.#dropped.resolve()
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`balancer process ${this.pid} does not follow: ${reason}`, { cause: error })
    }
  }

  async unlessGone<T>(call: (admin: AdminClient) => Promise<T>, withinMs = Infinity): Promise<T | undefined> {
    try {
      return await within(withinMs, Promise.race([call(this.#admin), this.gone.then(() => undefined)]))
    } catch (error) {
      const isGone = within(GONE_WITHIN_MS, this.gone).then(
        () => true,
        () => false,
      )
      if (await isGone) return undefined
      throw error
    }
  }
}

/** Rejects when it is not settled in time. */
async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  if (timeoutMs === Infinity) return work
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  return await Promise.race([work, promise]).finally(() => clearTimeout(timer))
}

const refused = (pid: number, reason: string): ManagerError<'BALANCER_REFUSED'> =>
  new ManagerError('BALANCER_REFUSED', { pid, reason })
