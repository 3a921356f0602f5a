import { endedStreams, greeting, message, messages, windowUpdate } from '../src/http2-frames.ts'
import type { MemoryPeer } from './memory-peer.ts'

/** What a client has received when it makes room for more. */
const WINDOW_BYTES = 512 * 1024 * 1024

/** A worker that speaks HTTP/2 with the balancer: it answers all requests of a turn in one read, as `Bun.serve` does. */
export class Http2Worker implements MemoryPeer {
  private readonly answer: Buffer
  private hasGreeted = false
  private readonly asked: number[] = []

  /** @param block of the head */
  constructor(block: Uint8Array, body: Uint8Array) {
    this.answer = message(block, body)
  }

  take(bytes: Uint8Array, from: number, length: number): number {
    const before = this.asked.length
    endedStreams(bytes, from, length, this.asked)
    return this.hasGreeted ? this.asked.length - before : 1
  }

  next(): Buffer {
    const answers = messages(this.answer, this.asked)
    this.asked.length = 0
    if (this.hasGreeted) return answers
    this.hasGreeted = true
    return Buffer.concat([greeting(false), answers])
  }
}

/** A client that speaks HTTP/2 with the balancer, and has a number of requests under way at any time. */
export class Http2Client implements MemoryPeer {
  private readonly first: Buffer
  private readonly request: Buffer
  /** The streams of requests that are sent next. */
  private readonly free: number[] = []
  private readonly ended: number[] = []
  private nextStream = 1
  private hasGreeted = false
  private received = 0

  /** @param first block of the first head, which fills the table. @param block of all others */
  constructor(first: Uint8Array, block: Uint8Array, body: Uint8Array, streams: number) {
    this.first = message(first, body)
    this.request = message(block, body)
    this.openStreams(streams)
  }

  take(bytes: Uint8Array, from: number, length: number): number {
    this.received += length
    this.ended.length = 0
    endedStreams(bytes, from, length, this.ended)
    this.openStreams(this.ended.length)
    return this.ended.length
  }

  next(): Buffer {
    const { free } = this
    const parts: Buffer[] = []
    if (!this.hasGreeted) parts.push(greeting(true), messages(this.first, free.splice(0, 1)))
    this.hasGreeted = true
    parts.push(messages(this.request, free))
    if (this.received > WINDOW_BYTES) {
      parts.push(windowUpdate(this.received))
      this.received = 0
    }
    free.length = 0
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  private openStreams(count: number): void {
    for (let n = 0; n < count; n++) {
      this.free.push(this.nextStream)
      this.nextStream += 2
    }
  }
}
