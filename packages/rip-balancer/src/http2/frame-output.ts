import type { ByteSocket } from '../transport/byte-socket.ts'
import type { Flushable } from '../transport/turn.ts'
import type { Turn } from '../transport/turn.ts'
import { FRAME_HEADER_BYTES } from './frame-type.ts'

/** More is not gathered in one turn: it is handed to the kernel, so that the sender learns whether it has to wait. */
const GATHERED_BYTES = 64 * 1024
/** With room for the control frames and the heads of a turn beside the data. Memory that is never written to costs nothing. */
const BUFFER_BYTES = 128 * 1024
/** Buffers that wait for the next turn. */
const MAX_SPARE_BUFFERS = 8

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
    else if (this.bytes.length === BUFFER_BYTES) this.keepRest()
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
    const { bytes } = this
    this.bytes = EMPTY
    const { spareBuffers } = this.turn
    if (bytes.length === BUFFER_BYTES && spareBuffers.length < MAX_SPARE_BUFFERS) spareBuffers.push(bytes)
  }

  private makeRoom(length: number): void {
    if (this.end + length <= this.bytes.length) return
    if (this.bytes.length === 0)
      this.bytes = this.turn.spareBuffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
    if (this.end + length <= this.bytes.length) return
    this.move(this.end - this.start + length)
  }

  private move(needed: number): void {
    const { start, end } = this
    const target = needed <= this.bytes.length / 2 ? this.bytes : Buffer.allocUnsafeSlow(needed * 2)
    this.bytes.copy(target, 0, start, end)
    this.bytes = target
    if (this.lastFrame >= 0) this.lastFrame -= start
    this.start = 0
    this.end = end - start
  }
}
