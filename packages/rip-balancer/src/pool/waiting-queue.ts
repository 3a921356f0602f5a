import { DEFAULT_QUEUE_LENGTH, DEFAULT_QUEUE_TIMEOUT_MS } from '../defaults.ts'
import type { Backend } from '../upstream/backend.ts'
import type { Claimant, ClaimRefusal } from './claim.ts'
import { ClaimQueue } from './claim-queue.ts'
import type { PoolClock } from './clock.ts'

/** What the queue needs of its pool. */
export interface QueueServer {
  /** A backend for the request that has waited longest, why it gets none, or `undefined` while it has to wait. */
  serve(claimant: Claimant): Backend | ClaimRefusal | undefined
  /** Milliseconds until a backend can take more without anything else having changed; `Infinity` when none can. */
  growsInMs(): number
}

/** Requests that wait for a backend: served in order, for as long as the time limit allows. */
export class WaitingQueue {
  timeoutMs: number = DEFAULT_QUEUE_TIMEOUT_MS
  private readonly queue = new ClaimQueue(DEFAULT_QUEUE_LENGTH)
  private readonly clock: PoolClock
  private readonly inTurn: (call: () => void) => void
  private readonly server: QueueServer
  private timer: Disposable | undefined

  /** @param inTurn see `PoolOptions` */
  constructor(clock: PoolClock, inTurn: (call: () => void) => void, server: QueueServer) {
    this.clock = clock
    this.inTurn = inTurn
    this.server = server
  }

  get length(): number {
    return this.queue.length
  }

  get isFull(): boolean {
    return this.queue.isFull
  }

  set maxLength(length: number) {
    this.queue.maxLength = length
  }

  join(claimant: Claimant): void {
    this.queue.join(claimant, this.clock.nowMs())
    this.setTimer()
  }

  leave(claimant: Claimant): void {
    this.queue.leave(claimant)
  }

  /** Something has changed: gives backends to those who have waited longest. */
  serve(): void {
    if (this.queue.length > 0) this.inTurn(this.serveAll)
  }

  /** Times are others than before. */
  resetTimer(): void {
    this.timer?.[Symbol.dispose]()
    this.timer = undefined
    this.setTimer()
  }

  /** Refuses all waiting requests. */
  close(): void {
    this.timer?.[Symbol.dispose]()
    this.inTurn(() => {
      for (let head = this.queue.head; head !== undefined; head = this.queue.head)
        this.refuse(head, 'closing')
    })
  }

  private readonly serveAll = (): void => {
    for (let head = this.queue.head; head !== undefined; head = this.queue.head) {
      const result = this.server.serve(head)
      if (result === undefined) return
      if (typeof result === 'string') this.refuse(head, result)
      else this.grant(head, result)
    }
  }

  private grant(claimant: Claimant, backend: Backend): void {
    this.queue.leave(claimant)
    claimant.granted(backend)
  }

  private refuse(claimant: Claimant, reason: ClaimRefusal): void {
    this.queue.leave(claimant)
    claimant.refused(reason)
  }

  /**
   * One timer for the whole queue: all requests wait equally long, so the first one's time is up first. The timer is
   * not moved when the first one leaves: it then fires too early, and is set again for the request that is first by
   * then.
   */
  private setTimer(): void {
    const since = this.queue.headSinceMs
    if (since === undefined || this.timer !== undefined) return
    const waitMs = Math.max(0, since + this.timeoutMs - this.clock.nowMs())
    this.timer = this.clock.after(Math.min(waitMs, this.server.growsInMs()), () => {
      this.timer = undefined
      this.inTurn(() => {
        this.serve()
        this.expire()
      })
    })
  }

  private expire(): void {
    const limit = this.clock.nowMs() - this.timeoutMs
    while (this.queue.headSinceMs !== undefined && this.queue.headSinceMs <= limit)
      this.refuse(this.queue.head!, 'queue-timeout')
    this.setTimer()
  }
}
