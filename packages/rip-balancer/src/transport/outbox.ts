import type { ByteSocket } from './byte-socket.ts'
import { freeBytes } from './free-bytes.ts'
import { unacknowledgedBytes } from './unacknowledged.ts'

const SCRATCH_BYTES = 256 * 1024
/** Longer runs of bytes are written from where they are instead of being copied behind a head. */
const COPY_BYTES = 32 * 1024

const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
let owner: Outbox | undefined
let used = 0

/**
 * Outgoing side of one socket. Everything written during one event is gathered in a scratch buffer shared by the
 * process and leaves with one system call: call `flush` before the event ends. What the kernel does not take is kept
 * until `drained` is called; whoever feeds the outbox has to pause its source while `waiting` is not 0.
 */
export class Outbox {
  /** Bytes kept because the kernel did not take them. */
  waiting = 0
  /** Bytes the kernel took. */
  sent = 0
  /** The socket refused bytes for good. */
  broken = false
  private readonly socket: ByteSocket
  private readonly copies: boolean
  private readonly queue: Uint8Array[] = []
  private readonly released: Uint8Array[] = []
  private offset = 0

  /** @param copies keep copies of bytes that wait, so that whoever appended them can free their memory */
  constructor(socket: ByteSocket, copies = false) {
    this.socket = socket
    this.copies = copies
  }

  /** Bytes the peer acknowledged, as far as the system tells. */
  get acknowledged(): number {
    const { fd } = this.socket
    return fd === undefined ? this.sent : this.sent - unacknowledgedBytes(fd)
  }

  /** The buffer for `reserve` and `commit`. */
  get scratch(): Buffer {
    return scratch
  }

  /**
   * Makes room for `length` bytes in the scratch buffer.
   *
   * @returns where to write; tell `commit` where you stopped
   */
  reserve(length: number): number {
    if (owner !== this || used + length > SCRATCH_BYTES) takeOver(this)
    return used
  }

  commit(at: number): void {
    used = at
  }

  /** Appends bytes that stay untouched until they are sent, unless this outbox copies what it keeps. */
  append(bytes: Buffer, from: number, to: number): void {
    const length = to - from
    if (length > COPY_BYTES) {
      this.flush()
      this.send(bytes, from, to, this.copies)
      return
    }
    const at = this.reserve(length)
    bytes.copy(scratch, at, from, to)
    used = at + length
  }

  /** Appends text of which each character is one byte. */
  appendText(text: string): void {
    const at = this.reserve(text.length)
    used = at + scratch.write(text, at, 'latin1')
  }

  /** Frees the memory of bytes, parts of which may have been appended, once none of them waits: nobody else needs them. */
  release(bytes: Uint8Array): void {
    if (this.needs(bytes)) this.released.push(bytes)
    else freeBytes(bytes)
  }

  /** Hands over what was gathered. */
  flush(): void {
    if (owner !== this) return
    const length = used
    takeOver(undefined)
    if (length > 0) this.sendGathered(length)
  }

  /** Sends the first bytes of the scratch buffer. */
  sendGathered(length: number): void {
    this.send(scratch, 0, length, true)
  }

  /** The socket takes bytes again. Returns whether everything is out. */
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
    if (owner === this) takeOver(undefined)
    this.queue.length = this.released.length = 0
    this.offset = this.waiting = 0
  }

  /** Bytes are released in the order in which they were appended. */
  private freeReleased(sent: Uint8Array): void {
    if (this.released[0]?.buffer === sent.buffer && !this.needs(sent)) freeBytes(this.released.shift()!)
  }

  /** Whether something that waits is in the same memory; a copied run may lie between two that are not. */
  private needs({ buffer }: Uint8Array): boolean {
    return this.queue.some((waiting) => waiting.buffer === buffer)
  }

  private keepOffset(taken: number): boolean {
    this.offset += taken
    return this.broken
  }

  private send(bytes: Uint8Array, from: number, to: number, copies: boolean): void {
    if (this.broken) return
    if (this.queue.length > 0) return this.keep(bytes, from, to, copies)
    const taken = this.write(bytes, from, to - from)
    if (taken < to - from && !this.broken) this.keep(bytes, from + taken, to, copies)
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

  private keep(bytes: Uint8Array, from: number, to: number, copies: boolean): void {
    this.queue.push(copies ? Uint8Array.prototype.slice.call(bytes, from, to) : bytes.subarray(from, to))
    this.waiting += to - from
  }
}

/** Gives the scratch buffer, empty, to its next user. What another one gathered is sent first. */
function takeOver(next: Outbox | undefined): void {
  const previous = owner
  const length = used
  owner = next
  used = 0
  if (next !== undefined && length > 0) previous?.sendGathered(length)
}

/** Hands over what any outbox gathered; for the end of an event. */
export function flushGathered(): void {
  owner?.flush()
}
