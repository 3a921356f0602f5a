import type { ByteSocket } from './byte-socket.ts'
import { freeBytes } from './free-bytes.ts'
import type { GatheredOutput, Gatherer } from './gathered-output.ts'
import { unacknowledgedBytes } from './unacknowledged.ts'

/**
 * Outgoing side of one socket. What is written for a socket is gathered until the end of the turn and leaves with one
 * system call. It is copied to the turn's scratch buffer, unless it is one run of bytes already, as a response that needs
 * no change is. What the kernel does not take is kept until `drained` is called; the writer has to pause its source while
 * `waiting` is not 0.
 */
export class Outbox implements Gatherer {
  /** Bytes kept because the kernel did not take them. */
  waiting = 0
  /** Bytes the kernel took. */
  sent = 0
  /** The socket refused bytes for good. */
  broken = false
  isReady = false
  private readonly socket: ByteSocket
  private readonly output: GatheredOutput
  private readonly copies: boolean
  private readonly queue: Uint8Array[] = []
  private readonly released: Uint8Array[] = []
  private offset = 0

  /** @param copies keep copies of bytes that wait, so that the memory of what was appended can be freed */
  constructor(socket: ByteSocket, output: GatheredOutput, copies = false) {
    this.socket = socket
    this.output = output
    this.copies = copies
  }

  /** Bytes the peer acknowledged, as far as the system tells. */
  get acknowledged(): number {
    const { fd } = this.socket
    return fd === undefined ? this.sent : this.sent - unacknowledgedBytes(fd)
  }

  /** The buffer for `reserve` and `commit`. */
  get scratch(): Buffer {
    return this.output.scratch
  }

  /**
   * Makes room for `length` bytes in the scratch buffer.
   *
   * @returns where to write; tell `commit` where you stopped
   */
  reserve(length: number): number {
    return this.output.reserve(this, length)
  }

  commit(at: number): void {
    this.output.commit(at)
  }

  /** Appends bytes that stay untouched until they are sent, unless this outbox copies what it keeps. */
  append(bytes: Buffer, from: number, to: number): void {
    this.output.append(this, bytes, from, to)
  }

  /** Appends text of which each character is one byte. */
  appendText(text: string): void {
    this.output.appendText(this, text)
  }

  /**
   * Frees the memory of bytes, of which parts may have been appended, when all of them are sent; nothing else needs
   * them.
   */
  release(bytes: Uint8Array): void {
    if (this.needs(bytes)) this.released.push(bytes)
    else freeBytes(bytes)
  }

  /** Hands over what was gathered without waiting for the end of the turn: `waiting` says then what the kernel left. */
  flush(): void {
    this.output.flush(this)
  }

  /** The socket takes bytes again. @returns whether everything is out */
  drained(): boolean {
    while (this.queue.length > 0) {
      const head = this.queue[0]!
      const length = head.length - this.offset
      const taken = this.write(head, this.offset, length)
      if (taken < length) return this.keepOffset(taken)
      this.queue.shift()
      this.offset = 0
      if (this.copies) freeBytes(head)
      else this.freeReleased(head)
    }
    return true
  }

  /** Forgets what was not sent. */
  discard(): void {
    this.output.discard(this)
    this.queue.length = this.released.length = 0
    this.offset = this.waiting = 0
  }

  // Gatherer

  sendReady(scratch: Buffer, from: number, to: number): void {
    this.isReady = false
    this.send(scratch, from, to, true)
  }

  send(bytes: Uint8Array, from: number, to: number, volatile: boolean): void {
    if (this.broken) return
    if (this.queue.length > 0) return this.keep(bytes, from, to, volatile)
    const taken = this.write(bytes, from, to - from)
    if (taken < to - from && !this.broken) this.keep(bytes, from + taken, to, volatile)
  }

  /** Bytes are released in the order in which they were appended. */
  private freeReleased(sent: Uint8Array): void {
    if (this.released[0]?.buffer === sent.buffer && !this.needs(sent)) freeBytes(this.released.shift()!)
  }

  /** Whether bytes that wait are in the same memory; a copied run may lie between two that are not. */
  private needs({ buffer }: Uint8Array): boolean {
    return this.queue.some((waiting) => waiting.buffer === buffer)
  }

  private keepOffset(taken: number): boolean {
    this.offset += taken
    return this.broken
  }

  private write(bytes: Uint8Array, from: number, length: number): number {
    const taken = this.socket.write(bytes, from, length)
    if (taken < 0) {
      this.broken = true
      this.discard()
      return 0
    }
    this.sent += taken
    if (this.waiting > 0) this.waiting -= taken
    return taken
  }

  private keep(bytes: Uint8Array, from: number, to: number, volatile: boolean): void {
    const copies = volatile || this.copies
    this.queue.push(copies ? Uint8Array.prototype.slice.call(bytes, from, to) : bytes.subarray(from, to))
    this.waiting += to - from
  }
}
