import type { BackendDeclaration } from '@rip/balancer'
import { type AdminClient, sumMetrics } from '@rip/balancer/supervisor'
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
  type RequestsStatus,
  type ResponseCounts,
  type Router,
} from '@rip/manager'
import { BalancerCounts } from './balancer-counts.ts'
import { JoinedBalancer } from './joined-balancer.ts'
import { requestsOf } from './requests-of.ts'
import { type Traffic, trafficOf } from './traffic.ts'
import { within } from './within.ts'
import { messageOf } from '../message-of.ts'

/** Longest drain that is requested; the manager's signal ends it earlier. */
const MAX_DRAIN_MS = 86_400_000
/** How long a status request waits for a balancer. */
const TRAFFIC_WITHIN_MS = 1_000

export interface BalancerSetOptions {
  /** Balancers this server started itself. @default none */
  readonly own?: readonly AdminClient[]
  /** Called with one sentence for each balancer that joins or leaves. */
  readonly note: (message: string) => void
  readonly warn: (message: string) => void
}

/**
 * All balancers that route to the workers of one application: those of the server itself, and those that joined it. An
 * order is acknowledged when each of them has acknowledged. A balancer that joins first gets the orders that the others
 * got; one that has gone need not acknowledge; one that lives and does not follow is left out until it joins again.
 */
export class BalancerSet implements Router, Observer {
  readonly #own: readonly AdminClient[]
  readonly #ownCounts: readonly BalancerCounts[]
  readonly #note: (message: string) => void
  readonly #warn: (message: string) => void
  readonly #joined = new Set<JoinedBalancer>()
  readonly #declared = new Map<GenerationId, readonly Backend[]>()
  #serving: GenerationId | undefined
  #closed = false
  /** Orders run one after the other, so that a balancer misses none while it joins. */
  #orders: Promise<unknown> = Promise.resolve()

  constructor({ own = [], note, warn }: BalancerSetOptions) {
    this.#own = own
    this.#ownCounts = own.map((admin) => new BalancerCounts(admin))
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
    // Before the drain, because the generation may be prepared again before that has ended.
    this.#declared.delete(generation)
    const reports = await this.#ask((admin) => admin.drain(generation, MAX_DRAIN_MS, signal))
    const abandoned = reports.reduce((sum, report) => sum + report.abandoned, 0)
    return { abandoned }
  }

  async read(generation: GenerationId): Promise<ResponseCounts> {
    const statuses = await Promise.all(this.#counts().map((counts) => counts.status()))
    const own = statuses
      .filter((status) => status !== undefined)
      .flatMap(({ generations }) => generations)
      .filter((tally) => tally.generation === generation)
    return {
      requests: own.reduce((sum, { requests }) => sum + requests, 0),
      errors: own.reduce((sum, { errors }) => sum + errors, 0),
    }
  }

  /** The balancers' current counts; `undefined` when there is no balancer, or one does not answer in time. */
  async traffic(): Promise<Traffic | undefined> {
    const statuses = await within(
      TRAFFIC_WITHIN_MS,
      this.#ask((admin) => admin.status()),
    ).catch(() => [])
    return statuses.length === 0 ? undefined : trafficOf(statuses)
  }

  /** The metrics of all balancers together; those of one that does not answer are what it said last. */
  async metrics(): Promise<string> {
    const counts = this.#counts()
    const texts = await Promise.all(counts.map((each) => each.metrics()))
    const answering = counts.filter(({ answersMetrics }) => answersMetrics).length
    return sumMetrics([
      ...texts.filter((text) => text !== undefined),
      '# HELP rip_balancers Balancers, by whether they answered when the metrics were asked for.',
      '# TYPE rip_balancers gauge',
      `rip_balancers{state="answering"} ${answering}`,
      `rip_balancers{state="silent"} ${counts.length - answering}`,
    ])
  }

  /** What the balancers know of requests; `undefined` as with `traffic`. */
  async requests(): Promise<RequestsStatus | undefined> {
    const reports = await within(
      TRAFFIC_WITHIN_MS,
      this.#ask((admin) => admin.requests()),
    ).catch(() => [])
    return reports.length === 0 ? undefined : requestsOf(reports)
  }

  async compare(before: GenerationId, forMs: number): Promise<Comparison> {
    const compared = await Promise.all(this.#counts().map((counts) => counts.compare(before, forMs)))
    const all = compared.filter((comparison) => comparison !== undefined)
    return { kinds: all.flatMap(({ kinds }) => kinds), clients: all.flatMap(({ clients }) => clients) }
  }

  /**
   * Takes a balancer in until the signal aborts. Resolves when it has got all orders.
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

  /** The balancers that have joined. */
  get joined(): readonly BalancerIntroduction[] {
    return [...this.#joined].map(({ introduction }) => introduction)
  }

  /** Refuses further balancers; resolves when all that had joined send their requests to a successor, or hold them. */
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
      throw refused(balancer.pid, messageOf(error))
    }
    await this.#shareAgain(balancer)
  }

  #forget(balancer: JoinedBalancer): void {
    this.#joined.delete(balancer)
    this.#note(`balancer process ${balancer.pid} has left`)
    void this.#order(() => this.#shareAgain())
  }

  /** Sends a new balancer the orders that the others got. */
  async #replay(admin: AdminClient): Promise<void> {
    for (const [generation, backends] of this.#declared)
      await admin.prepare(generation, this.#shares(backends))
    if (this.#serving !== undefined && this.#declared.has(this.#serving)) await admin.cut(this.#serving)
    await this.#forgetOthers(admin)
  }

  /** Removes generations of a former manager, whose workers have gone. */
  async #forgetOthers(admin: AdminClient): Promise<void> {
    const known = (await admin.status()).pools.flatMap(({ backends }) => backends)
    const staying = known.filter(({ state }) => state !== 'leaving').map(({ generation }) => generation)
    for (const generation of new Set(staying))
      if (generation !== null && !this.#declared.has(generation)) await admin.drain(generation, 0)
  }

  /** Divides the concurrency of each worker anew among the balancers that are present. */
  async #shareAgain(except?: JoinedBalancer): Promise<void> {
    if (this.#closed) return
    try {
      for (const [generation, backends] of this.#declared)
        await this.#each((admin) => admin.prepare(generation, this.#shares(backends)), except)
    } catch (error) {
      this.#warn(messageOf(error))
    }
  }

  #shares(backends: readonly Backend[]): readonly BackendDeclaration[] {
    const shares = Math.max(1, this.#own.length + this.#joined.size)
    return backends.map(({ id, socket, maxInFlight, http2 }) => ({
      id,
      address: `unix:${socket}`,
      maxInFlight: Math.max(1, Math.floor(maxInFlight / shares)),
      ...(http2 === true && { http2 }),
    }))
  }

  async #each(call: (admin: AdminClient) => Promise<void>, except?: JoinedBalancer): Promise<void> {
    const joined = [...this.#joined].filter((balancer) => balancer !== except)
    await Promise.all([
      ...this.#own.map((admin) => call(admin)),
      ...joined.map((balancer) => balancer.follow(call)),
    ])
  }

  #counts(): readonly BalancerCounts[] {
    return [...this.#ownCounts, ...[...this.#joined].map(({ counts }) => counts)]
  }

  /** The answers of all balancers that have not gone meanwhile. */
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

const refused = (pid: number, reason: string): ManagerError<'BALANCER_REFUSED'> =>
  new ManagerError('BALANCER_REFUSED', { pid, reason })
