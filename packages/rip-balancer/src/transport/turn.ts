import { Clock } from './clock.ts'
import { isWorthFreeing } from './free-bytes.ts'
import { GatheredOutput } from './gathered-output.ts'
import { SpareBuffers } from './spare-buffers.ts'

/** Takes the bytes that a socket brings. All calls are made within a turn. */
export interface Receiver {
  received(chunk: Buffer): void
  /** The chunk, which is a large one, has been handled, and what was written because of it has been sent or copied. */
  consumed(chunk: Buffer): void
  /** `received` threw this. The receiver closes its socket, so that no other connection suffers. */
  failed(error: unknown): void
}

/** Gathers output of its own until the end of a turn. */
export interface Flushable {
  flush(): void
}

/** Fewer chunks in a turn of the event loop are handled as they come. */
const WORTHWHILE_CHUNKS = 4
/** How many chunks are handled as they come until the next turn is counted. */
const PROBE_CHUNKS = 64
/** More is not held back, so that memory stays small and what was read is still in the processor's cache. */
const MAX_HELD_BYTES = 64 * 1024

/**
 * One turn of the event loop at a time: what sockets and timers report is handled, then everything that was written
 * meanwhile is sent, one system call for each socket. Connections and exchanges read the time from its clock and write to
 * outboxes that share its buffers; they neither read the clock of the system nor say when to send.
 *
 * Only those who are called by the event loop open a turn: the handlers of sockets, timers, and the pool when it hands
 * backends to requests that waited.
 *
 * While turns bring several chunks, the chunks are held back until all sockets have been read, and are handled together.
 * A proxy spends its time alternately in the kernel and here, and each of the two finds its code in the processor's
 * cache when it stays for longer (`bench/proxy`, small-64). A few chunks are not held back, because it costs something to
 * hear of the end of a turn.
 */
export class Turn {
  readonly clock: Clock = new Clock()
  readonly output: GatheredOutput = new GatheredOutput()
  /**
   * Buffers for those that gather output of their own, and have none at the end of a turn. If each connection of HTTP/2 that writes in
   * a turn finds one, a request takes a seventh less time (`bench/data-plane`, h2-lanes-small).
   */
  readonly smallBuffers: SpareBuffers = new SpareBuffers(16 * 1024, 64)
  readonly largeBuffers: SpareBuffers = new SpareBuffers(128 * 1024, 32)
  /** Those that have gathered output in this turn. */
  private readonly gathered: Flushable[] = []
  /** A turn is going on: what is called within it belongs to it. */
  private isOpen = false
  /** Chunks that are held back, and who takes each of them. */
  private readonly receivers: (Receiver | undefined)[] = []
  private readonly chunks: (Buffer | undefined)[] = []
  private heldChunks = 0
  private heldBytes = 0
  /** Chunks since the last count, or since the event loop began to read its sockets. */
  private chunksSeen = 0
  /** The last count found several chunks in one turn of the event loop: they are held back. */
  private holds = false
  /** `whenSocketsAreRead` has been asked for, and will say how many chunks this turn brought. */
  private isCounting = false
  private readonly whenSocketsAreRead: (call: () => void) => void

  /** @param whenSocketsAreRead calls back when the event loop has read all sockets that are ready */
  constructor(whenSocketsAreRead: (call: () => void) => void = setImmediate) {
    this.whenSocketsAreRead = whenSocketsAreRead
  }

  /**
   * Handles what a socket or a timer reports. Chunks that are held back are handled before it, so that a connection hears
   * of its end behind its last bytes. Within a turn the call is simply made.
   */
  run(handle: () => void): void {
    if (this.isOpen) return handle()
    this.isOpen = true
    try {
      this.handleHeld()
      this.clock.read()
      handle()
    } finally {
      this.end()
    }
  }

  /** Monotonic milliseconds: within a turn those of its clock, as reading the system's takes longer than to choose a backend. */
  nowMs(): number {
    return this.isOpen ? this.clock.nowMs : performance.now()
  }

  /** Handles a chunk that a socket brought, now or at the end of the turn. */
  received(receiver: Receiver, chunk: Buffer): void {
    this.chunksSeen++
    if (!this.isCounting && (this.holds || this.chunksSeen >= PROBE_CHUNKS)) this.count()
    if (this.holds) return this.hold(receiver, chunk)
    if (this.isOpen) return this.handOver(receiver, chunk)
    this.isOpen = true
    this.handOver(receiver, chunk)
    this.end()
  }

  /** A chunk has brought one more message: it counts like a chunk that brings one. */
  countMessage(): void {
    this.chunksSeen++
  }

  /** Has what was gathered sent at the end of this turn. */
  flushLater(gatherer: Flushable): void {
    this.gathered.push(gatherer)
  }

  /** Sends what was written in this turn. */
  private end(): void {
    this.output.flushAll()
    if (this.gathered.length > 0) this.flushGathered()
    this.isOpen = false
  }

  /** A socket that turned out to be closed may make others write. */
  private flushGathered(): void {
    while (this.gathered.length > 0) {
      this.gathered.pop()!.flush()
      this.output.flushAll()
    }
  }

  private hold(receiver: Receiver, chunk: Buffer): void {
    this.receivers[this.heldChunks] = receiver
    this.chunks[this.heldChunks++] = chunk
    this.heldBytes += chunk.length
    if (this.heldBytes > MAX_HELD_BYTES) this.run(NOTHING_ELSE)
  }

  /** A connection that was closed because of other bytes ignores its own. */
  private handleHeld(): void {
    if (this.heldChunks === 0) return
    const { receivers, chunks } = this
    for (let at = 0; at < this.heldChunks; at++) {
      const receiver = receivers[at]!
      const chunk = chunks[at]!
      receivers[at] = chunks[at] = undefined
      this.handOver(receiver, chunk)
    }
    this.heldChunks = this.heldBytes = 0
  }

  private handOver(receiver: Receiver, chunk: Buffer): void {
    this.clock.read()
    try {
      receiver.received(chunk)
      if (isWorthFreeing(chunk)) this.free(receiver, chunk)
    } catch (error) {
      receiver.failed(error)
    }
  }

  private free(receiver: Receiver, chunk: Buffer): void {
    this.output.flushAll()
    receiver.consumed(chunk)
  }

  private count(): void {
    this.isCounting = true
    if (!this.holds) this.chunksSeen = 1
    this.whenSocketsAreRead(this.socketsAreRead)
  }

  private readonly socketsAreRead = (): void => {
    if (this.heldChunks > 0) this.run(NOTHING_ELSE)
    this.isCounting = false
    this.holds = this.chunksSeen >= WORTHWHILE_CHUNKS
    this.chunksSeen = 0
  }
}

const NOTHING_ELSE = (): void => {}
