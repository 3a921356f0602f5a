import { DueQueue, type Due } from './due-queue.ts'
import type { PooledBackend } from './pooled-backend.ts'
import { PerList } from './per-list.ts'
import type { Eligible } from './pooled-backend.ts'

/** Backends of the same weight, which go round. */
interface Lane extends Due {
  readonly backends: readonly PooledBackend[]
  /** Time between two turns, in units of which each backend gets as many turns as its weight says. */
  readonly every: number
  next: number
  /** Turns that could not be taken within one choice, and which choice that was. */
  misses: number
  choice: number
}

/**
 * Whose turn it is: each backend's as often as its weight says, evenly spread. The work of a choice does not grow with
 * the number of backends, only with the logarithm of the number of different weights. A turn that cannot be taken is
 * lost. A list of backends begins anew, so that nothing is left of weights that have changed.
 */
export class Turns {
  private readonly random: () => number
  private readonly lanes = new PerList((backends) => this.arrange(backends))
  private readonly passedOver: Lane[] = []
  private choices = 0

  /** @param random a number in [0, 1) */
  constructor(random: () => number) {
    this.random = random
  }

  choose(backends: readonly PooledBackend[], eligible: Eligible): PooledBackend | undefined {
    const lanes = this.lanes.of(backends)
    this.choices++
    for (let lane = lanes.first; lane !== undefined; lane = lanes.first) {
      const now = lane.dueAt
      const backend = turnOf(lane)
      if (eligible(backend)) {
        lanes.firstPutOff()
        this.takeBack(lanes, now)
        return backend
      }
      if (this.isLastMiss(lane)) this.passedOver.push(lanes.shift()!)
      else lanes.firstPutOff()
    }
    this.takeBack(lanes, undefined)
    return undefined
  }

  /** Whether no backend in the lane is eligible. */
  private isLastMiss(lane: Lane): boolean {
    if (lane.choice !== this.choices) lane.misses = 0
    lane.choice = this.choices
    return ++lane.misses === lane.backends.length
  }

  /**
   * Lanes without an eligible backend: their backends have lost one turn each, and no more.
   *
   * @param now `undefined` when no backend had a turn: then nothing has changed
   */
  private takeBack(lanes: DueQueue<Lane>, now: number | undefined): void {
    for (let lane = this.passedOver.pop(); lane !== undefined; lane = this.passedOver.pop()) {
      const round = lane.every * lane.backends.length
      lane.dueAt = now === undefined ? lane.dueAt - round : now + round
      lanes.push(lane)
    }
  }

  private arrange(backends: readonly PooledBackend[]): DueQueue<Lane> {
    const lanes = new DueQueue<Lane>()
    const used = backends.filter(({ weight }) => weight > 0)
    for (const [weight, equals] of Map.groupBy(used, (backend) => backend.weight)) {
      const every = 1 / (weight * equals.length)
      const dueAt = (1 - this.random()) * every
      lanes.push({ backends: equals, every, dueAt, next: this.choices % equals.length, misses: 0, choice: 0 })
    }
    return lanes
  }
}

function turnOf(lane: Lane): PooledBackend {
  const backend = lane.backends[lane.next]!
  lane.next = lane.next + 1 === lane.backends.length ? 0 : lane.next + 1
  lane.dueAt += lane.every
  return backend
}
