import { byteLength, type Message } from '../bus/message.ts'
import { processTopics } from '../bus/process-topics.ts'
import type { Carrier, Topics } from '../bus/topics.ts'
import type { WorkerBus } from '../bus/worker-bus.ts'
import { reasonOf } from '../errors.ts'
import type { BusPlace, MessageCounts } from '../protocol.ts'
import type { CLibrary } from './c-library.ts'
import { peerPid } from './peer-pid.ts'

/** Bytes that wait until this process has joined, which takes some milliseconds: as many as for a worker that does not read. */
const MAX_WAITING_BYTES = 16_777_216

export interface BusMemberOptions {
  /** Asks the kernel which process is at the other end of a connection. @default it is not asked */
  readonly library: CLibrary | undefined
  /** Whether connections with other processes keep this one alive. */
  readonly keepsAlive: boolean
}

/**
 * The part that this process takes in the bus of its instance. It joins when it publishes for the first time, or expects
 * subscribers: most applications do neither, and start faster without the bus.
 */
export class BusMember implements Carrier, AsyncDisposable {
  readonly topics: Topics = processTopics()
  #place: BusPlace | undefined
  #options: BusMemberOptions = { library: undefined, keepsAlive: false }
  #bus: WorkerBus | undefined
  #joining: Promise<void> | undefined
  #waiting: Message[] = []
  #waitingBytes = 0
  #refused = 0
  #isClosed = false

  get counts(): MessageCounts {
    const { published, delivered } = this.topics
    return { published, delivered, dropped: this.#refused + (this.#bus?.dropped ?? 0) }
  }

  /** From here on what is published goes to the other processes, too. Does nothing the second time. */
  belongTo(place: BusPlace, options: BusMemberOptions): void {
    if (this.#place !== undefined) return
    this.#place = place
    this.#options = options
    this.topics.carryBy(this)
  }

  /** Resolves when this process, if it has joined, hears all others, and all others hear it. */
  async meet(): Promise<void> {
    await this.#joining
  }

  /** Loads what joining takes, so that a new version installed beside this process does not change it. */
  async load(): Promise<void> {
    await import('../bus/worker-bus.ts')
  }

  /** Messages wait until the others are found. */
  send(message: Message): boolean {
    if (this.#bus !== undefined) return this.#bus.send(message)
    const bytes = this.#waitingBytes + byteLength(message.data)
    if (this.#isClosed || bytes > MAX_WAITING_BYTES) {
      this.#refused++
      return false
    }
    this.#waitingBytes = bytes
    this.#waiting.push(message)
    void this.join()
    return true
  }

  join(): Promise<void> {
    return (this.#joining ??= this.#join().catch((error: unknown) =>
      console.error(`warning: what is published reaches no other workers: ${reasonOf(error)}`),
    ))
  }

  /** Lets the last messages go, and leaves. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#joining
    await this.#bus?.close()
  }

  async #join(): Promise<void> {
    const { library, keepsAlive } = this.#options
    const { WorkerBus } = await import('../bus/worker-bus.ts')
    const bus = new WorkerBus({
      ...this.#place!,
      onMessage: (message) => this.topics.deliver(message),
      log: (text) => console.error(`warning: ${text}`),
      peerPid: library && ((descriptor) => peerPid(library, descriptor)),
      keepsAlive,
    })
    await bus.start()
    this.#bus = bus
    for (const message of this.#waiting.splice(0)) bus.send(message)
    await bus.meet()
  }
}
