import { AdminClient } from '@rip/balancer/supervisor'
import type { BalancerIntroduction, JoinNotice } from '@rip/manager'
import { messageOf } from '../message-of.ts'
import { BalancerCounts } from './balancer-counts.ts'
import { within } from './within.ts'

/** How long it may take to follow an order while it lives. */
const FOLLOW_WITHIN_MS = 5_000
/** How long to wait until a balancer that does not answer has closed its connection, which proves that it has gone. */
const GONE_WITHIN_MS = 1_000

/** A balancer that is no child of this server and has joined it. */
export class JoinedBalancer {
  readonly introduction: BalancerIntroduction
  readonly pid: number
  /** Resolves when it has closed its connection. */
  readonly gone: Promise<void>
  readonly counts: BalancerCounts
  readonly #admin: AdminClient
  readonly #leaving = Promise.withResolvers<'leaving'>()
  readonly #dropped = Promise.withResolvers<void>()

  constructor(introduction: BalancerIntroduction, signal: AbortSignal) {
    const { pid, socket } = introduction
    this.introduction = introduction
    this.pid = pid
    this.#admin = new AdminClient({ socket })
    this.counts = new BalancerCounts(this.#admin)
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

  /**
   * The balancer's answer; `undefined` when it has gone meanwhile. Throws, and leaves it out, when it lives and does
   * not follow.
   */
  async follow<T>(call: (admin: AdminClient) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.unlessGone(call, FOLLOW_WITHIN_MS)
    } catch (error) {
      this.#dropped.resolve()
      const reason = messageOf(error)
      throw new Error(`balancer process ${this.pid} does not follow: ${reason}`, { cause: error })
    }
  }

  async unlessGone<T>(
    call: (admin: AdminClient) => Promise<T>,
    withinMs: number = Infinity,
  ): Promise<T | undefined> {
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
