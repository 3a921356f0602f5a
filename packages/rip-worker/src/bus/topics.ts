import { setInterval } from '../own-timers.ts'
import { byteLength, contentOf, type Message, type MessageData } from './message.ts'

/** Of a timer that does nothing. */
const LONG_MS = 1 << 30

/** Called with each message of its topic: text, or bytes. */
export type Listener = (message: string | Uint8Array, topic: string) => void

export interface SubscribeOptions {
  /** Ends the subscription when it aborts, such as that of the request whose answer is an event stream. */
  readonly signal?: AbortSignal | undefined
}

/** Sends a message to the subscribed WebSockets of this worker, as Bun does, and returns what Bun returns. */
export type Publish = (topic: string, data: MessageData, compress?: boolean) => number

/** Carries messages to other workers. */
export interface Carrier {
  /** Takes a message; says whether there may be other workers to get it. */
  send(message: Message): boolean
  /** Resolves, in a bounded time, when all other workers that publish know this one. */
  join(): Promise<void>
}

/**
 * The topics of a worker. What is published to one reaches the WebSockets and the listeners that subscribe to it, in
 * this worker and in all others of the instance.
 */
export class Topics {
  readonly #listeners = new Map<string, Set<Listener>>()
  #toWebSockets: Publish | undefined
  #carrier: Carrier | undefined
  #expectsSubscribers = false
  #joining: Promise<void> | undefined
  #onError: (error: unknown) => void = (error) => console.error(error)
  #holdsProcess = false
  /** Keeps the process alive while it is there. */
  #hold: ReturnType<typeof setInterval> | undefined
  #published = 0
  #delivered = 0

  /** Messages published in this worker. */
  get published(): number {
    return this.#published
  }

  /** Messages that came from other workers. */
  get delivered(): number {
    return this.#delivered
  }

  /** @param onError takes what a listener throws */
  serve(toWebSockets: Publish, onError: (error: unknown) => void): void {
    this.#toWebSockets = toWebSockets
    this.#onError = onError
  }

  /** Whether a process that has nothing to do but listen is kept alive for it. @default false */
  holdProcess(holds: boolean): void {
    this.#holdsProcess = holds
    this.#updateHold()
  }

  carryBy(carrier: Carrier): void {
    this.#carrier = carrier
    if (this.#expectsSubscribers) this.#join()
  }

  /** This worker has subscribers, or may get some: other workers are to send it what they publish. */
  expectSubscribers(): void {
    if (this.#expectsSubscribers) return
    this.#expectsSubscribers = true
    this.#join()
  }

  /** Pending from the first subscription on until it is known to the workers that publish. */
  get joining(): Promise<void> | undefined {
    return this.#joining
  }

  #join(): void {
    const joining = this.#carrier?.join()
    if (joining === undefined) return
    this.#joining = joining.finally(() => (this.#joining = undefined))
  }

  /**
   * Publishes to all subscribers. Returns what Bun does: bytes, -1 if a WebSocket of this worker takes no more at the
   * moment, 0 if there is nothing that took the message.
   *
   * @throws TypeError when there is no topic.
   */
  publish(topic: string, data: MessageData, compress?: boolean): number {
    return this.publishBy((to, what, how) => this.#toWebSockets?.(to, what, how) ?? 0, topic, data, compress)
  }

  /** The same, with another way to the WebSockets of this worker, such as one that leaves the sender out. */
  publishBy(toWebSockets: Publish, topic: string, data: MessageData, compress?: boolean): number {
    const name = nameOf(topic)
    const sent = toWebSockets(name, data, compress)
    this.#published++
    if (data instanceof Blob) return this.#passOnBlob(name, data, compress, sent)
    const content = contentOf(data)
    const isTaken = this.#passOn({ topic: name, data: content, compress })
    return sent === 0 && isTaken ? byteLength(content) : sent
  }

  /** Its bytes can only be had later, so messages that follow at once may be ahead of it. */
  #passOnBlob(topic: string, blob: Blob, compress: boolean | undefined, sent: number): number {
    void blob
      .bytes()
      .then((data) => this.#passOn({ topic, data, compress }))
      .catch(this.#onError)
    return sent === 0 && this.#carrier !== undefined ? blob.size : sent
  }

  /** To all but the WebSockets of this worker. Returns whether there are any. */
  #passOn(message: Message): boolean {
    const isHeard = this.#tell(message.topic, message.data)
    const isCarried = this.#carrier?.send(message) ?? false
    return isHeard || isCarried
  }

  /** Takes a message of another worker. */
  deliver({ topic, data, compress }: Message): void {
    this.#delivered++
    this.#toWebSockets?.(topic, data, compress)
    this.#tell(topic, data)
  }

  /**
   * Calls back with each message that is published to the topic from now on. Returns a function that ends this.
   *
   * @throws TypeError when there is no topic.
   */
  subscribe(topic: string, listener: Listener, { signal }: SubscribeOptions = {}): () => void {
    const name = nameOf(topic)
    if (signal?.aborted === true) return () => {}
    this.expectSubscribers()
    // Its own, so that a function may subscribe twice.
    const own: Listener = (message, at) => listener(message, at)
    const all = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, all.add(own))
    this.#updateHold()
    const end = (): void => {
      signal?.removeEventListener('abort', end)
      all.delete(own)
      if (all.size === 0 && this.#listeners.get(name) === all) this.#listeners.delete(name)
      this.#updateHold()
    }
    signal?.addEventListener('abort', end, { once: true })
    return end
  }

  #updateHold(): void {
    const holds = this.#holdsProcess && this.#listeners.size > 0
    if (holds === (this.#hold !== undefined)) return
    clearInterval(this.#hold)
    this.#hold = holds ? setInterval(() => {}, LONG_MS) : undefined
  }

  /** Returns whether there were listeners. Each gets bytes of its own: what it does with them reaches no other. */
  #tell(topic: string, data: string | Uint8Array): boolean {
    const listeners = this.#listeners.get(topic)
    if (listeners === undefined) return false
    // Those of now: who subscribes meanwhile gets the next message.
    for (const listener of Array.from(listeners)) {
      try {
        listener(typeof data === 'string' ? data : new Uint8Array(data), topic)
      } catch (error) {
        this.#onError(error)
      }
    }
    return true
  }
}

/** As Bun takes it: anything but nothing, as text. */
function nameOf(topic: unknown): string {
  const name = topic === undefined || topic === null ? '' : String(topic as string)
  if (name === '') throw new TypeError('a topic must be a text that is not empty')
  return name
}
