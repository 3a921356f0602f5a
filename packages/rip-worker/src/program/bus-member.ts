import { processTopics } from '../bus/process-topics.ts'
import type { Topics } from '../bus/topics.ts'
import { WorkerBus } from '../bus/worker-bus.ts'
import type { BusPlace, MessageCounts } from '../protocol.ts'
import type { CLibrary } from './c-library.ts'
import { peerPid } from './peer-pid.ts'

export interface BusMemberOptions {
  /** Asks the kernel which process is at the other end of a connection. @default it is not asked */
  readonly library: CLibrary | undefined
  /** Whether connections with other processes keep this one alive. */
  readonly keepsAlive: boolean
}

/** The part that this process takes in the bus of its instance. */
export class BusMember implements AsyncDisposable {
  readonly topics: Topics = processTopics()
  #bus: WorkerBus | undefined
  #started: Promise<void> | undefined

  get counts(): MessageCounts {
    const { published, delivered } = this.topics
    return { published, delivered, dropped: this.#bus?.dropped ?? 0 }
  }

  /** From here on what is published goes to the other processes, too. Does nothing the second time. */
  join(place: BusPlace, { library, keepsAlive }: BusMemberOptions): void {
    if (this.#bus !== undefined) return
    this.#bus = new WorkerBus({
      ...place,
      onMessage: (message) => this.topics.deliver(message),
      log: (text) => console.error(`warning: ${text}`),
      peerPid: library && ((descriptor) => peerPid(library, descriptor)),
      keepsAlive,
    })
    this.topics.carryBy(this.#bus)
    this.#started = this.#bus.start()
  }

  /** Resolves when this process hears all others, and all others hear it. */
  async meet(): Promise<void> {
    await this.#started
    await this.#bus?.meet()
  }

  /** Lets the last messages go, and leaves. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bus?.close()
  }
}
