import { ERROR } from './error-code.ts'
import { FLAG, FRAME, FRAME_HEADER_BYTES, MAX_31_BITS, PING_BYTES } from './frame-type.ts'
import { DEFAULT_FRAME_BYTES } from './settings.ts'

/** Takes the DATA frames of a peer. Bytes are valid during the call only. */
export interface DataHandler {
  /** A DATA frame begins. @param length of its payload, padding included, which is what flow control counts */
  begins(stream: number, length: number, endsStream: boolean): void
  /** A part of its data, without padding. */
  part(bytes: Buffer, from: number, to: number): void
  ends(endsStream: boolean): void
}

/** Takes the header blocks of a peer. Bytes are valid during the call only. */
export interface BlockHandler {
  /** A complete header block: a HEADERS frame, joined with the CONTINUATION frames that followed. */
  take(stream: number, block: Buffer, from: number, to: number, endsStream: boolean): void
  /**
   * A header block is longer than is read. Those that follow cannot be decoded without it (RFC 7541 §2.2), and are skipped.
   *
   * @returns whether the connection may go on without them
   */
  tooLong(stream: number, endsStream: boolean): boolean
}

/** Takes what else a peer sends. Bytes are valid during the call only. */
export interface ControlHandler {
  resetStream(stream: number, code: number): void
  /** A SETTINGS frame that is not an acknowledgement. */
  settings(bytes: Buffer, from: number, to: number): void
  settingsAcknowledged(): void
  ping(bytes: Buffer, from: number): void
  pingAnswered(): void
  peerGoesAway(lastStream: number, code: number): void
  windowUpdate(stream: number, increment: number): void
  /** A frame that asks for nothing: PRIORITY, or of a type that is not known (§5.5). */
  ignored(): void
  /** The peer broke a rule that concerns one stream only (§5.4.2). */
  brokenStream(stream: number, code: number): void
  /** The peer broke a rule: the connection ends with this error (§5.4.1), and nothing more is read. */
  broken(code: number, reason: string): void
}

export interface FrameHandlers {
  readonly data: DataHandler
  readonly blocks: BlockHandler
  readonly control: ControlHandler
}

/** Bounds of one header block. */
export interface BlockLimits {
  readonly maxBlockBytes: number
  readonly maxContinuations: number
}

/** Where the reader is. */
const HEADER = 0
/** The whole payload of the frame is needed. */
const WHOLE = 1
const DATA_PADDING_LENGTH = 2
const DATA = 3
/** Bytes without a meaning: padding of DATA, or the payload of a type that is not known. */
const SKIP = 4
const BROKEN = 5

const EMPTY: Buffer = Buffer.alloc(0)
const PRIORITY_BYTES = 5

/**
 * Reads frames from bytes that come in any pieces (RFC 9113 §4, §6). Rules that need nothing but the frame, and the order of
 * header blocks, are checked here. The data of DATA frames is handed on as it comes; the payload of any other frame is
 * handed on whole, from where it is if it came in one piece.
 */
export class FrameReader {
  private readonly data: DataHandler
  private readonly blocks: BlockHandler
  private readonly control: ControlHandler
  private readonly limits: BlockLimits
  private readonly maxFrameBytes: number
  private state: number = HEADER
  private readonly header: Buffer = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES)
  private headerFilled = 0
  private type = 0
  private flags = 0
  private stream = 0
  /** Bytes of the payload that are still to come, without those of a padding that is skipped. */
  private left = 0
  private padding = 0
  /** The beginning of a payload that is needed whole. */
  private payload: Buffer = EMPTY
  private payloadFilled = 0
  /** The stream whose header block is not complete; 0 when there is none. */
  private blockStream = 0
  private blockEndsStream = false
  private block: Buffer = EMPTY
  private blockFilled = 0
  private continuations = 0
  /** A header block was too long: none is read any more. */
  private skipsBlocks = false
  private isFirst = true

  /** @param maxFrameBytes longest frame that the peer may send */
  constructor(
    { data, blocks, control }: FrameHandlers,
    limits: BlockLimits,
    maxFrameBytes: number = DEFAULT_FRAME_BYTES,
  ) {
    this.data = data
    this.blocks = blocks
    this.control = control
    this.limits = limits
    this.maxFrameBytes = maxFrameBytes
  }

  /** The stream whose header block has begun, and is not complete; 0 when there is none. */
  get unfinishedBlock(): number {
    if (this.blockStream !== 0) return this.blockStream
    return this.state === WHOLE && this.type === FRAME.headers ? this.stream : 0
  }

  /** Reads nothing more. */
  stop(): void {
    this.state = BROKEN
    this.payload = this.block = EMPTY
  }

  read(chunk: Buffer, from: number, to: number): void {
    let at = from
    while (at < to && this.state !== BROKEN) at = this.step(chunk, at, to)
  }

  /** @returns where to go on */
  private step(chunk: Buffer, at: number, to: number): number {
    switch (this.state) {
      case HEADER:
        return this.readHeader(chunk, at, to)
      case WHOLE:
        return this.readWhole(chunk, at, to)
      case DATA_PADDING_LENGTH:
        return this.readPaddingLength(chunk, at)
      case DATA:
        return this.readData(chunk, at, to)
      default:
        return this.skip(at, to)
    }
  }

  private readHeader(chunk: Buffer, at: number, to: number): number {
    if (this.headerFilled === 0 && to - at >= FRAME_HEADER_BYTES) {
      this.begin(chunk, at)
      return at + FRAME_HEADER_BYTES
    }
    const taken = Math.min(FRAME_HEADER_BYTES - this.headerFilled, to - at)
    chunk.copy(this.header, this.headerFilled, at, at + taken)
    this.headerFilled += taken
    if (this.headerFilled < FRAME_HEADER_BYTES) return to
    this.headerFilled = 0
    this.begin(this.header, 0)
    return at + taken
  }

  /** A frame begins. */
  private begin(bytes: Buffer, at: number): void {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    this.type = bytes[at + 3]!
    this.flags = bytes[at + 4]!
    // The reserved bit is ignored (§4.1).
    this.stream = bytes.readUInt32BE(at + 5) & MAX_31_BITS
    this.left = length
    this.padding = this.payloadFilled = 0
    if (length > this.maxFrameBytes) return this.fail(ERROR.frameSize, `a frame of ${length} bytes`)
    if (!this.isExpected()) return
    if (this.type === FRAME.data) this.beginData(length)
    else if (this.type > FRAME.continuation) this.skipUnknown()
    else this.beginWhole()
  }

  /** Whether this type may follow the frames before it, and what it must name a stream for, does. */
  private isExpected(): boolean {
    const { type, stream, blockStream } = this
    if (this.isFirst && (type !== FRAME.settings || (this.flags & FLAG.ack) !== 0))
      return this.refuse(ERROR.protocol, 'the first frame is not SETTINGS')
    this.isFirst = false
    if (blockStream !== 0 && (type !== FRAME.continuation || stream !== blockStream))
      return this.refuse(ERROR.protocol, 'a header block is interrupted by another frame')
    if (type === FRAME.continuation && blockStream === 0)
      return this.refuse(ERROR.protocol, 'a CONTINUATION frame follows no header block')
    if (type === FRAME.pushPromise) return this.refuse(ERROR.protocol, 'PUSH_PROMISE, which is not allowed')
    if (!isOfStream(type) && isOfConnection(type) && stream !== 0)
      return this.refuse(ERROR.protocol, `a frame of type ${type} names a stream`)
    if (isOfStream(type) && stream === 0)
      return this.refuse(ERROR.protocol, `a frame of type ${type} names no stream`)
    return true
  }

  private beginData(length: number): void {
    const isPadded = (this.flags & FLAG.padded) !== 0
    if (isPadded && length === 0) return this.fail(ERROR.frameSize, 'a padded DATA frame without a payload')
    this.data.begins(this.stream, length, (this.flags & FLAG.endStream) !== 0)
    if (this.state === BROKEN) return
    this.state = isPadded ? DATA_PADDING_LENGTH : DATA
    if (length === 0) this.endData()
  }

  private skipUnknown(): void {
    this.control.ignored()
    if (this.left > 0 && this.state !== BROKEN) this.state = SKIP
  }

  private beginWhole(): void {
    const fault = sizeFault(this.type, this.flags, this.left)
    if (fault !== undefined) return this.fail(ERROR.frameSize, fault)
    if (this.left > Math.max(DEFAULT_FRAME_BYTES, this.limits.maxBlockBytes))
      return this.fail(ERROR.enhanceYourCalm, `a frame of ${this.left} bytes that is no DATA`)
    this.state = WHOLE
    if (this.left === 0) this.complete(EMPTY, 0, 0)
  }

  private readWhole(chunk: Buffer, at: number, to: number): number {
    const needed = this.left - this.payloadFilled
    if (this.payloadFilled === 0 && to - at >= needed) {
      this.complete(chunk, at, at + needed)
      return at + needed
    }
    const taken = Math.min(needed, to - at)
    if (this.payload.length < this.left) this.payload = Buffer.allocUnsafeSlow(this.left)
    chunk.copy(this.payload, this.payloadFilled, at, at + taken)
    this.payloadFilled += taken
    if (this.payloadFilled === this.left) this.completeGathered()
    return at + taken
  }

  private completeGathered(): void {
    const { payload } = this
    this.payload = EMPTY
    this.complete(payload, 0, this.left)
  }

  private readPaddingLength(chunk: Buffer, at: number): number {
    this.padding = chunk[at]!
    this.left -= 1 + this.padding
    if (this.left < 0) this.fail(ERROR.protocol, 'padding longer than its frame')
    else this.state = DATA
    if (this.state === DATA && this.left === 0) this.skipPadding()
    return at + 1
  }

  private readData(chunk: Buffer, at: number, to: number): number {
    const end = Math.min(to, at + this.left)
    this.left -= end - at
    this.data.part(chunk, at, end)
    if (this.left === 0 && this.state === DATA) this.skipPadding()
    return end
  }

  private skipPadding(): void {
    if (this.padding === 0) return this.endData()
    this.left = this.padding
    this.state = SKIP
  }

  private skip(at: number, to: number): number {
    const end = Math.min(to, at + this.left)
    this.left -= end - at
    if (this.left > 0) return end
    if (this.type === FRAME.data) this.endData()
    else this.state = HEADER
    return end
  }

  private endData(): void {
    this.state = HEADER
    this.data.ends((this.flags & FLAG.endStream) !== 0)
  }

  /** The payload of a frame is complete. */
  private complete(bytes: Buffer, from: number, to: number): void {
    this.state = HEADER
    const { control, stream, flags } = this
    switch (this.type) {
      case FRAME.headers:
        return this.beginBlock(bytes, from, to)
      case FRAME.continuation:
        return this.continueBlock(bytes, from, to)
      case FRAME.priority:
        return this.priority(bytes, from, to)
      case FRAME.resetStream:
        return control.resetStream(stream, bytes.readUInt32BE(from))
      case FRAME.settings:
        return (flags & FLAG.ack) !== 0 ? control.settingsAcknowledged() : control.settings(bytes, from, to)
      case FRAME.ping:
        return (flags & FLAG.ack) !== 0 ? control.pingAnswered() : control.ping(bytes, from)
      case FRAME.goAway:
        return control.peerGoesAway(bytes.readUInt32BE(from) & MAX_31_BITS, bytes.readUInt32BE(from + 4))
      default:
        return control.windowUpdate(stream, bytes.readUInt32BE(from) & MAX_31_BITS)
    }
  }

  /** Priorities are not used (§5.3); a stream that depends on itself was an error always (RFC 7540 §5.3.1). */
  private priority(bytes: Buffer, from: number, to: number): void {
    const { control, stream } = this
    if (to - from !== PRIORITY_BYTES) return control.brokenStream(stream, ERROR.frameSize)
    if (dependsOn(bytes, from) === stream) return control.brokenStream(stream, ERROR.protocol)
    control.ignored()
  }

  private beginBlock(bytes: Buffer, from: number, to: number): void {
    const { flags, stream } = this
    if (this.skipsBlocks) return this.skipBlock()
    let start = from
    let end = to
    if ((flags & FLAG.padded) !== 0) end -= bytes[start++]!
    const dependsOnItself = (flags & FLAG.priority) !== 0 && dependsOn(bytes, start) === stream
    if ((flags & FLAG.priority) !== 0) start += PRIORITY_BYTES
    if (start > end) return this.fail(ERROR.protocol, 'padding longer than its frame')
    this.blockEndsStream = (flags & FLAG.endStream) !== 0
    if ((flags & FLAG.endHeaders) !== 0) this.blocks.take(stream, bytes, start, end, this.blockEndsStream)
    else this.startGathering(bytes, start, end)
    if (dependsOnItself) this.control.brokenStream(stream, ERROR.protocol)
  }

  private startGathering(bytes: Buffer, from: number, to: number): void {
    this.blockStream = this.stream
    this.blockFilled = this.continuations = 0
    this.gather(bytes, from, to)
  }

  private continueBlock(bytes: Buffer, from: number, to: number): void {
    if (this.skipsBlocks) return this.skipBlock()
    if (++this.continuations > this.limits.maxContinuations)
      return this.giveUpBlock(`a header block of more than ${this.continuations} frames`)
    if (!this.gather(bytes, from, to) || (this.flags & FLAG.endHeaders) === 0) return
    const { block } = this
    this.blockStream = 0
    this.block = EMPTY
    this.blocks.take(this.stream, block, 0, this.blockFilled, this.blockEndsStream)
  }

  private gather(bytes: Buffer, from: number, to: number): boolean {
    const filled = this.blockFilled + to - from
    if (filled > this.limits.maxBlockBytes) {
      this.giveUpBlock(`a header block of more than ${this.limits.maxBlockBytes} bytes`)
      return false
    }
    if (filled > this.block.length) this.growBlock(filled)
    bytes.copy(this.block, this.blockFilled, from, to)
    this.blockFilled = filled
    return true
  }

  private giveUpBlock(reason: string): void {
    this.block = EMPTY
    this.skipsBlocks = true
    this.noteEndOfBlock()
    if (!this.blocks.tooLong(this.stream, this.blockEndsStream)) this.fail(ERROR.enhanceYourCalm, reason)
  }

  /** A frame of a header block carries nothing for us. */
  private skipBlock(): void {
    this.noteEndOfBlock()
    this.control.ignored()
  }

  private noteEndOfBlock(): void {
    this.blockStream = (this.flags & FLAG.endHeaders) === 0 ? this.stream : 0
  }

  private growBlock(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.min(bytes * 2, this.limits.maxBlockBytes))
    this.block.copy(larger, 0, 0, this.blockFilled)
    this.block = larger
  }

  private fail(code: number, reason: string): void {
    this.stop()
    this.control.broken(code, reason)
  }

  private refuse(code: number, reason: string): boolean {
    this.fail(code, reason)
    return false
  }
}

function dependsOn(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) & MAX_31_BITS
}

function isOfStream(type: number): boolean {
  return (
    type === FRAME.data ||
    type === FRAME.headers ||
    type === FRAME.priority ||
    type === FRAME.resetStream ||
    type === FRAME.continuation
  )
}

function isOfConnection(type: number): boolean {
  return type === FRAME.settings || type === FRAME.ping || type === FRAME.goAway
}

/** What is wrong with the length of a frame, so that the connection cannot go on (§4.2). */
function sizeFault(type: number, flags: number, length: number): string | undefined {
  if (type === FRAME.settings && (flags & FLAG.ack) !== 0 && length > 0)
    return 'an acknowledgement of SETTINGS with a payload'
  if (type === FRAME.settings && length % 6 !== 0) return `SETTINGS of ${length} bytes`
  if (type === FRAME.ping && length !== PING_BYTES) return `PING of ${length} bytes`
  if (type === FRAME.resetStream && length !== 4) return `RST_STREAM of ${length} bytes`
  if (type === FRAME.windowUpdate && length !== 4) return `WINDOW_UPDATE of ${length} bytes`
  if (type === FRAME.goAway && length < 8) return `GOAWAY of ${length} bytes`
  if (type === FRAME.headers && length < leastHeaders(flags)) return `HEADERS of ${length} bytes`
  return undefined
}

/** Bytes of a HEADERS frame in front of its block. */
function leastHeaders(flags: number): number {
  return ((flags & FLAG.padded) !== 0 ? 1 : 0) + ((flags & FLAG.priority) !== 0 ? PRIORITY_BYTES : 0)
}
