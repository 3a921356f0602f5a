const SCRATCH_BYTES = 256 * 1024
/** A longer run of bytes is written from where it is instead of being copied behind a head. */
const COPY_BYTES = 32 * 1024

/** The outbox of one socket, as far as `GatheredOutput` calls it. */
export interface Gatherer {
  /** Bytes of it lie in the scratch buffer in front of those that are being gathered. */
  isReady: boolean
  /** Sends bytes of the scratch buffer that were ready. */
  sendReady(scratch: Buffer, from: number, to: number): void
  /** Sends gathered bytes. @param volatile their memory is about to be used for something else */
  send(bytes: Uint8Array, from: number, to: number, volatile: boolean): void
}

/**
 * What all outboxes of a turn have gathered and not sent yet. One outbox at a time gathers: its bytes are either one run
 * that lies in another buffer, or the end of the scratch buffer. When another outbox begins to gather, the bytes
 * of the previous one stay where they are in the scratch buffer, and wait for the end of the turn as ready.
 *
 * Only outboxes use this; all other files see `Outbox` and `Turn`.
 */
export class GatheredOutput {
  /** Made when the first bytes are copied. */
  scratch: Buffer = Buffer.alloc(0)
  /** The outbox that gathers. */
  private owner: Gatherer | undefined
  /** Its bytes in the scratch buffer are `[start, used)`. */
  private start = 0
  private used = 0
  /** Its bytes in another buffer are `[runFrom, runTo)`, which are sent from there. */
  private run: Buffer | undefined
  private runFrom = 0
  private runTo = 0
  /** Outboxes whose bytes lie in the scratch buffer in front of `start`, and where those of each end: the first `readyCount`. */
  private readonly ready: (Gatherer | undefined)[] = []
  private readonly readyEnds: number[] = []
  private readyCount = 0
  /** How many of them have been sent, and where those end. */
  private readySent = 0
  private sentTo = 0

  /** Makes room for `length` bytes in the scratch buffer. @returns where to write */
  reserve(outbox: Gatherer, length: number): number {
    this.gatherFor(outbox)
    if (this.run !== undefined) this.copyRun(outbox)
    if (this.used + length > this.scratch.length) this.makeRoom(outbox)
    return this.used
  }

  /** @param at end of what was written where `reserve` said */
  commit(at: number): void {
    this.used = at
  }

  append(outbox: Gatherer, bytes: Buffer, from: number, to: number): void {
    this.gatherFor(outbox)
    if (this.run === bytes && this.runTo === from) return this.appendRun(outbox, bytes, this.runFrom, to)
    if (this.used === this.start && this.run === undefined) return this.appendRun(outbox, bytes, from, to)
    if (to - from > COPY_BYTES) {
      this.sendGathered(outbox)
      return this.appendRun(outbox, bytes, from, to)
    }
    const at = this.reserve(outbox, to - from)
    bytes.copy(this.scratch, at, from, to)
    this.used = at + to - from
  }

  appendText(outbox: Gatherer, text: string): void {
    const at = this.reserve(outbox, text.length)
    this.used = at + this.scratch.write(text, at, 'latin1')
  }

  /** Sends what was gathered for this outbox, and for all others if its bytes lie among theirs. */
  flush(outbox: Gatherer): void {
    if (outbox.isReady) return this.flushAll()
    if (this.owner !== outbox) return
    this.owner = undefined
    this.sendGathered(outbox)
  }

  /** Sends what was gathered for all outboxes. */
  flushAll(): void {
    this.makeReady()
    while (this.readySent < this.readyCount) {
      const from = this.sentTo
      const outbox = this.ready[this.readySent]
      this.ready[this.readySent] = undefined
      this.sentTo = this.readyEnds[this.readySent++]!
      outbox?.sendReady(this.scratch, from, this.sentTo)
    }
    // A socket that turned out to be closed may have made an exchange write to another one.
    if (this.owner !== undefined) return this.flushAll()
    this.readyCount = this.readySent = this.sentTo = this.start = this.used = 0
  }

  /** Forgets what was gathered for this outbox and not sent. */
  discard(outbox: Gatherer): void {
    if (this.owner === outbox) this.forgetGathered()
    if (outbox.isReady) this.ready[this.ready.indexOf(outbox)] = undefined
    outbox.isReady = false
  }

  private gatherFor(outbox: Gatherer): void {
    if (this.owner === outbox) return
    this.makeReady()
    if (outbox.isReady) this.flushAll()
    this.owner = outbox
  }

  /** Another outbox follows. A run is sent, as it would not be where it is any more at the end of the turn. */
  private makeReady(): void {
    const { owner } = this
    if (owner === undefined) return
    this.owner = undefined
    if (this.run !== undefined) return this.sendGathered(owner)
    if (this.used === this.start) return
    this.ready[this.readyCount] = owner
    this.readyEnds[this.readyCount++] = this.used
    owner.isReady = true
    this.start = this.used
  }

  private makeRoom(outbox: Gatherer): void {
    if (this.scratch.length === 0) return void (this.scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES))
    this.flushAll()
    this.owner = outbox
  }

  private sendGathered(outbox: Gatherer): void {
    const { run, runFrom, runTo, start, used } = this
    this.forgetGathered()
    if (run !== undefined) outbox.send(run, runFrom, runTo, runTo - runFrom <= COPY_BYTES)
    else if (used > start) outbox.send(this.scratch, start, used, true)
  }

  private forgetGathered(): void {
    this.run = undefined
    this.used = this.start
  }

  /** A long run is sent at once, so that its source learns whether it has to wait. */
  private appendRun(outbox: Gatherer, bytes: Buffer, from: number, to: number): void {
    this.run = bytes
    this.runFrom = from
    this.runTo = to
    if (to - from > COPY_BYTES) this.sendGathered(outbox)
  }

  /** Bytes follow that do not lie behind the run in memory. */
  private copyRun(outbox: Gatherer): void {
    const length = this.runTo - this.runFrom
    if (this.used + length > this.scratch.length) this.makeRoom(outbox)
    // It may have been sent to make room.
    if (this.run === undefined) return
    this.run.copy(this.scratch, this.used, this.runFrom, this.runTo)
    this.used += length
    this.run = undefined
  }
}
