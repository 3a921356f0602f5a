import type { ByteSocket } from '../transport/byte-socket.ts'
import { freeBytes } from '../transport/free-bytes.ts'
import type { SpareBuffers } from '../transport/spare-buffers.ts'
import type { Flushable } from '../transport/turn.ts'
import type { Turn } from '../transport/turn.ts'
import { FRAME_HEADER_BYTES } from './frame-type.ts'

/** More is not gathered in one turn: it is handed to the kernel, so that the sender learns whether it has to wait. */
const GATHERED_BYTES = 64 * 1024
/** Where more connections write in a turn than there are buffers: most of them say little then, such as SETTINGS when they begin. */
const LEAST_BYTES = 512

const EMPTY: Buffer = Buffer.alloc(0)

/**
 * Outgoing frames of one connection. Those of all its streams in a turn are gathered here, and leave with one system call
 * at its end. An `Outbox` would not do: two connections that write by turns would make each other send. What the kernel
 * does not take stays until `drained`.
 */
export class FrameOutput implements Flushable {
  /** Bytes the kernel has refused so far: data waits in its stream until there are none. */
  waiting = 0
  /** Bytes the kernel took. */
  sent = 0
  /** The socket refused bytes for good. */
  broken = false
  private readonly socket: ByteSocket
  private readonly turn: Turn
  /** Bytes to send are `[start, end)`. */
  private bytes: Buffer = EMPTY
  /** Where those are given back to. */
  private origin: SpareBuffers | undefined
  private start = 0
  private end = 0
  private isScheduled = false
  /** Where the last frame begins, if it has not been sent; -1 if it has. */
  private lastFrame = -1

  constructor(socket: ByteSocket, turn: Turn) {
    this.socket = socket
    this.turn = turn
  }

  /** Number of the next byte: it has left when `sent` is larger. */
  get position(): number {
    return this.sent + this.end - this.start
  }

  /** Whether a DATA frame may be added, or has to wait until the kernel takes what was gathered. */
  get takesData(): boolean {
    if (this.waiting > 0 || this.broken) return false
    if (this.end - this.start < GATHERED_BYTES) return true
    this.flush()
    return this.waiting === 0 && !this.broken
  }

  /** Begins a frame. @returns where its payload of `length` bytes is to be written in `buffer` */
  frame(type: number, flags: number, stream: number, length: number): number {
    this.makeRoom(FRAME_HEADER_BYTES + length)
    const { bytes, end } = this
    this.lastFrame = end
    bytes[end] = length >> 16
    bytes[end + 1] = length >> 8
    bytes[end + 2] = length
    bytes[end + 3] = type
    bytes[end + 4] = flags
    bytes[end + 5] = stream >> 24
    bytes[end + 6] = stream >> 16
    bytes[end + 7] = stream >> 8
    bytes[end + 8] = stream
    this.end = end + FRAME_HEADER_BYTES + length
    if (!this.isScheduled) this.schedule()
    return end + FRAME_HEADER_BYTES
  }

  /** Writes a frame with that payload. */
  write(type: number, flags: number, stream: number, payload: Buffer, from: number, to: number): void {
    const at = this.frame(type, flags, stream, to - from)
    payload.copy(this.bytes, at, from, to)
  }

  /** Writes a frame whose payload is one number of 32 bits. */
  writeNumber(type: number, stream: number, value: number): void {
    const at = this.frame(type, 0, stream, 4)
    this.bytes.writeUInt32BE(value, at)
  }

  /** Writes bytes that are no frame: the preface. */
  writeRaw(bytes: Uint8Array): void {
    this.makeRoom(bytes.length)
    this.bytes.set(bytes, this.end)
    this.end += bytes.length
    this.lastFrame = -1
    if (!this.isScheduled) this.schedule()
  }

  /** Sets a flag of the last frame. @returns whether it could be: it is of that stream and type, and has not been sent */
  flagLast(flag: number, stream: number, type: number): boolean {
    const { bytes, lastFrame } = this
    if (lastFrame < 0 || bytes[lastFrame + 3] !== type) return false
    if ((bytes.readUInt32BE(lastFrame + 5) & 0x7fffffff) !== stream) return false
    bytes[lastFrame + 4]! |= flag
    return true
  }

  /** Hands what was gathered to the kernel without waiting for the end of the turn. */
  flush(): void {
    this.isScheduled = false
    if (this.waiting > 0) return void (this.waiting = this.end - this.start)
    this.send()
  }

  /** The socket takes bytes again. @returns whether everything is out */
  drained(): boolean {
    this.send()
    return this.waiting === 0
  }

  /** Forgets what was not sent. */
  discard(): void {
    this.broken = true
    this.letGo()
  }

  private schedule(): void {
    this.isScheduled = true
    this.turn.flushLater(this)
  }

  private send(): void {
    const length = this.end - this.start
    if (length === 0 || this.broken) return
    const taken = this.socket.write(this.bytes, this.start, length)
    this.lastFrame = -1
    if (taken < 0) return this.discard()
    this.sent += taken
    this.start += taken
    this.waiting = length - taken
    if (this.waiting === 0) this.letGo()
    else if (this.origin !== undefined) this.keepRest()
  }

  /** A peer that does not read occupies no more than what waits for it. */
  private keepRest(): void {
    const rest = Buffer.from(this.bytes.subarray(this.start, this.end))
    const { waiting } = this
    this.letGo()
    this.bytes = rest
    this.end = this.waiting = waiting
  }

  /** A connection that has nothing to send keeps no memory for it. */
  private letGo(): void {
    this.start = this.end = this.waiting = 0
    this.lastFrame = -1
    const { bytes, origin } = this
    this.bytes = EMPTY
    this.origin = undefined
    giveBack(bytes, origin)
  }

  private makeRoom(length: number): void {
    if (this.end + length <= this.bytes.length) return
    if (this.bytes.length === 0)
      this.bytes = this.take(this.turn.smallBuffers) ?? Buffer.allocUnsafeSlow(LEAST_BYTES)
    if (this.end + length > this.bytes.length) this.move(this.end - this.start + length)
  }

  private move(needed: number): void {
    const { bytes, start, end } = this
    if (needed <= bytes.length / 2) bytes.copyWithin(0, start, end)
    else this.enlarge(needed)
    if (this.lastFrame >= 0) this.lastFrame -= start
    this.start = 0
    this.end = end - start
  }

  private enlarge(needed: number): void {
    const { bytes, start, end, origin } = this
    this.origin = undefined
    this.bytes = this.roomFor(needed)
    bytes.copy(this.bytes, 0, start, end)
    giveBack(bytes, origin)
  }

  /** What waits for a peer that does not read has no more room than it needs. */
  private roomFor(needed: number): Buffer {
    const { largeBuffers } = this.turn
    const isLarge = this.waiting === 0 && needed <= largeBuffers.bytes
    return (isLarge ? this.take(largeBuffers) : undefined) ?? Buffer.allocUnsafeSlow(needed * 2)
  }

  private take(from: SpareBuffers): Buffer | undefined {
    const buffer = from.take()
    if (buffer !== undefined) this.origin = from
    return buffer
  }
}

function giveBack(bytes: Buffer, origin: SpareBuffers | undefined): void {
  if (origin === undefined) freeBytes(bytes)
  else origin.giveBack(bytes)
}
