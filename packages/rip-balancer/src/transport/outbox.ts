import type { ByteSocket } from './byte-socket.ts'
import { freeBytes } from './free-bytes.ts'
import { unacknowledgedBytes } from './unacknowledged.ts'

const SCRATCH_BYTES = 256 * 1024
/** Longer runs of bytes are written from where they are instead of being copied behind a head. */
const COPY_BYTES = 32 * 1024

const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
/** The outbox for which bytes are being gathered: in `run`, or else in the scratch buffer from `start` to `used`. */
let owner: Outbox | undefined
let start = 0
let used = 0
/** Bytes that were appended one behind the other and lie so in memory: `[runFrom, runTo)` is sent from there. */
let run: Buffer | undefined
let runFrom = 0
let runTo = 0
/** Outboxes with bytes in the scratch buffer in front of `start`, and where those of each end. */
const ready: (Outbox | undefined)[] = []
const readyEnds: number[] = []
/** How many of them are sent, and where those end. */
let readySent = 0
let sentTo = 0

/**
 * Outgoing side of one socket. What is written for a socket is gathered and leaves with one system call: call
 * `flushGathered` when no more is to come in this turn. It is copied to a scratch buffer shared by the process, unless
 * it is one run of bytes already, as a response that needs no change is. What the kernel does not take is kept until
 * `drained` is called; whoever feeds the outbox has to pause its source while `waiting` is not 0.
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
  private isReady = false

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
    this.gather()
    if (run !== undefined) this.copyRun()
    if (used + length > SCRATCH_BYTES) this.makeRoom()
    return used
  }

  commit(at: number): void {
    used = at
  }

  /** Appends bytes that stay untouched until they are sent, unless this outbox copies what it keeps. */
  append(bytes: Buffer, from: number, to: number): void {
    this.gather()
    if (run === bytes && runTo === from) return this.appendRun(bytes, runFrom, to)
    if (used === start && run === undefined) return this.appendRun(bytes, from, to)
    if (to - from > COPY_BYTES) {
      this.sendGathered()
      return this.appendRun(bytes, from, to)
    }
    const at = this.reserve(to - from)
    bytes.copy(scratch, at, from, to)
    used = at + to - from
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

  /** Hands over what was gathered, without waiting for the end of the turn. */
  flush(): void {
    if (this.isReady) return flushGathered()
    if (owner !== this) return
    owner = undefined
    this.sendGathered()
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
    if (owner === this) this.forgetGathered()
    if (this.isReady) ready[ready.indexOf(this)] = undefined
    this.isReady = false
    this.queue.length = this.released.length = 0
    this.offset = this.waiting = 0
  }

  /** Sends bytes of the scratch buffer that were ready. */
  sendReady(from: number, to: number): void {
    this.isReady = false
    this.send(scratch, from, to, true)
  }

  /** What follows is gathered for this outbox. */
  private gather(): void {
    if (owner === this) return
    owner?.yield()
    if (this.isReady) flushGathered()
    begin(this)
  }

  /** Another outbox follows in the scratch buffer; a run would not be where it is any more when its time comes. */
  yield(): void {
    owner = undefined
    if (run !== undefined) return this.sendGathered()
    if (used === start) return
    ready.push(this)
    readyEnds.push(used)
    this.isReady = true
    start = used
  }

  private makeRoom(): void {
    flushGathered()
    begin(this)
  }

  private sendGathered(): void {
    const bytes = run
    const to = used
    this.forgetGathered()
    if (bytes !== undefined) this.send(bytes, runFrom, runTo, this.copies || runTo - runFrom <= COPY_BYTES)
    else if (to > start) this.send(scratch, start, to, true)
  }

  private forgetGathered(): void {
    run = undefined
    used = start
  }

  /** A long run is sent at once, so that its source hears whether it has to wait. */
  private appendRun(bytes: Buffer, from: number, to: number): void {
    run = bytes
    runFrom = from
    runTo = to
    if (to - from > COPY_BYTES) this.sendGathered()
  }

  /** Something is to follow the run that does not lie behind it. */
  private copyRun(): void {
    const length = runTo - runFrom
    if (used + length > SCRATCH_BYTES) return this.makeRoom()
    run!.copy(scratch, used, runFrom, runTo)
    used += length
    run = undefined
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

function begin(outbox: Outbox): void {
  owner = outbox
}

/** Hands over what was gathered for all outboxes; for the end of a turn. */
export function flushGathered(): void {
  owner?.yield()
  while (readySent < ready.length) {
    const from = sentTo
    const outbox = ready[readySent]
    sentTo = readyEnds[readySent++]!
    outbox?.sendReady(from, sentTo)
  }
  // A socket that turns out to be closed may have made somebody write.
  if (owner !== undefined) return flushGathered()
  ready.length = readyEnds.length = readySent = sentTo = start = used = 0
}
