import type { Backend } from '../upstream/backend.ts'
import type { Claimant } from './claim.ts'
import type { PoolClock } from './clock.ts'
import type { PooledBackend } from './pooled-backend.ts'
import type { Eligible } from './pooled-backend.ts'

/**
 * Compares two generations: lots decide which of the two answers a request.
 *
 * Only requests that both generations could take at that moment are drawn: a client cannot choose which one answers, whatever it
 * sends and when. What one of them cannot take the other one does, which makes no difference to the lot; and what one
 * of them lost, as whatever ended there a worker would end the next one, too.
 */
export class Comparison {
  private current: { readonly number: number; readonly generation: string; untilMs: number } | undefined
  private count = 0
  private readonly clock: PoolClock
  private readonly tossCoin: () => boolean

  constructor(clock: PoolClock, tossCoin: () => boolean) {
    this.clock = clock
    this.tossCoin = tossCoin
  }

  /** The generation that is compared with the one that serves, while one is. */
  get generation(): string | undefined {
    if (this.current !== undefined && this.clock.nowMs() > this.current.untilMs) this.current = undefined
    return this.current?.generation
  }

  /** Whether one may be going on: asked for each request, before the clock is. */
  get isOn(): boolean {
    return this.current !== undefined
  }

  /** Begins, or goes on for so long from now. @returns number of the comparison, from 1 on */
  begin(generation: string, forMs: number): number {
    const untilMs = this.clock.nowMs() + forMs
    if (this.generation === generation) this.current!.untilMs = untilMs
    else this.current = { number: ++this.count, generation, untilMs }
    return this.current!.number
  }

  end(): void {
    this.current = undefined
  }

  /**
   * The backends that may answer a request.
   *
   * @param serving those of the generation that serves
   * @param others those of the generation it is compared with
   */
  draw(
    claimant: Claimant,
    tried: readonly Backend[],
    serving: readonly PooledBackend[],
    others: readonly PooledBackend[],
    isEligible: Eligible,
  ): readonly PooledBackend[] {
    if (this.current === undefined) return serving
    const { number, generation } = this.current
    const lost = tried.at(-1)
    if (lost !== undefined) claimant.lotFailed = claimant.lot !== 0
    else if (
      claimant.lot === 0 &&
      !claimant.asksForTunnel &&
      serving.some(isEligible) &&
      others.some(isEligible)
    )
      claimant.lot = this.tossCoin() ? number : -number
    const servesFirst = lost === undefined ? claimant.lot !== -number : lost.generation === generation
    const [first, second] = servesFirst ? [serving, others] : [others, serving]
    return !first.some(isEligible) && second.some(isEligible) ? second : first
  }
}
