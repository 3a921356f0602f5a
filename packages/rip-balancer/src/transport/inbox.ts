import { flushGathered } from './outbox.ts'

/** Whoever takes the bytes a socket brings. */
export interface Receiver {
  received(chunk: Buffer): void
  /** It threw this: as if its socket were lost, so that nobody else suffers. */
  failed(error: unknown): void
}

/** Fewer events in a turn of the event loop are handled as they come. */
const WORTHWHILE_EVENTS = 4
/** How many events are handled as they come until the next turn is counted. */
const PROBE_EVENTS = 64
/** More is not held back, so that memory stays small and what was read is still in the processor's cache. */
const MAX_BYTES = 64 * 1024

/**
 * Bytes that arrived in the current turn of the event loop. While turns bring several they are handled together, when
 * all sockets have been read, and what they make us write is sent together afterwards: a proxy spends its time in turns
 * in the kernel and here, and each finds its code in the cache when it stays for longer (`bench/proxy`, small-64). Few
 * are not held back, as the end of a turn is not for free.
 */
export class Inbox {
  private readonly receivers: Receiver[] = []
  private readonly chunks: Buffer[] = []
  private bytes = 0
  private events = 0
  private holds = false
  private counting = false
  private emptying = false
  private readonly atEndOfTurn: (call: () => void) => void

  /** @param atEndOfTurn calls back when all sockets that are ready have been read */
  constructor(atEndOfTurn: (call: () => void) => void = setImmediate) {
    this.atEndOfTurn = atEndOfTurn
  }

  /** Takes bytes a socket brought; the receiver gets them before anything else that happens to its socket. */
  arrived(receiver: Receiver, chunk: Buffer): void {
    this.events++
    if (!this.counting && (this.holds || this.events >= PROBE_EVENTS)) this.count()
    if (this.holds) this.hold(receiver, chunk)
    else {
      handOver(receiver, chunk)
      flushGathered()
    }
  }

  /**
   * Hands over what is held back; call it before anything else is told about a socket. What arrives for a socket that
   * is closed meanwhile by who handles other bytes is of no interest to anybody.
   */
  empty(): void {
    if (this.emptying || this.bytes === 0) return
    this.emptying = true
    const { receivers, chunks } = this
    for (let at = 0; at < receivers.length; at++) handOver(receivers[at]!, chunks[at]!)
    flushGathered()
    receivers.length = chunks.length = 0
    this.bytes = 0
    this.emptying = false
  }

  private hold(receiver: Receiver, chunk: Buffer): void {
    this.receivers.push(receiver)
    this.chunks.push(chunk)
    this.bytes += chunk.length
    if (this.bytes > MAX_BYTES) this.empty()
  }

  private count(): void {
    this.counting = true
    if (!this.holds) this.events = 1
    this.atEndOfTurn(this.turnEnds)
  }

  private readonly turnEnds = (): void => {
    this.counting = false
    this.holds = this.events >= WORTHWHILE_EVENTS
    this.events = 0
    this.empty()
  }
}

function handOver(receiver: Receiver, chunk: Buffer): void {
  try {
    receiver.received(chunk)
  } catch (error) {
    receiver.failed(error)
  }
}

/** Of all sockets of the process. */
export const inbox: Inbox = new Inbox()
