/** A longer frame is no message: the peer is broken or speaks another protocol. */
export const MAX_FRAME_BYTES = 1_048_576

const HEADER_BYTES = 4
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

const reasons = {
  'too-long': (bytes: number) =>
    `a frame of ${bytes} bytes is longer than the ${MAX_FRAME_BYTES} bytes allowed`,
  malformed: (bytes: number) => `a frame of ${bytes} bytes is not JSON in UTF-8`,
  truncated: (bytes: number) => `the connection ended inside a frame, ${bytes} bytes are missing`,
} as const

export type FrameErrorCode = keyof typeof reasons

/** Thrown for bytes on the control connection that are no frame. The connection cannot be used afterwards. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
  readonly code: FrameErrorCode
  /** Messages completed by the same bytes, in front of the broken frame. */
  readonly messages: readonly unknown[]

  constructor(
    code: FrameErrorCode,
    bytes: number,
    messages: readonly unknown[] = [],
    options?: ErrorOptions,
  ) {
    super(reasons[code](bytes), options)
    this.code = code
    this.messages = messages
  }
}

/**
 * One message as a frame: a 4-byte big-endian length and that many bytes of UTF-8 JSON.
 *
 * @throws FrameError `too-long` when the JSON exceeds {@link MAX_FRAME_BYTES}.
 */
export function encodeFrame(message: unknown): Uint8Array {
  const body = encoder.encode(JSON.stringify(message))
  if (body.byteLength > MAX_FRAME_BYTES) throw new FrameError('too-long', body.byteLength)
  const frame = new Uint8Array(HEADER_BYTES + body.byteLength)
  new DataView(frame.buffer).setUint32(0, body.byteLength)
  frame.set(body, HEADER_BYTES)
  return frame
}

/**
 * Puts frames together again, however the bytes arrive. Holds at most one unfinished frame, copies each byte once, and
 * takes nothing more after the first broken frame, because it cannot tell where the next one begins.
 */
export class FrameDecoder {
  readonly #header = new Uint8Array(HEADER_BYTES)
  #headerBytes = 0
  #body: Uint8Array | undefined
  #bodyBytes = 0
  #failure: FrameError | undefined

  /** A longer frame is refused; may be changed between frames. */
  maxBytes: number

  constructor(maxBytes: number = MAX_FRAME_BYTES) {
    this.maxBytes = maxBytes
  }

  /**
   * Every message completed by these bytes, in order.
   *
   * @throws FrameError `too-long` or `malformed` when they are no frames; its `messages` are those in front.
   */
  push(bytes: Uint8Array): readonly unknown[] {
    if (this.#failure !== undefined) throw this.#failure
    const messages: unknown[] = []
    let at = 0
    while (at < bytes.length) {
      at += this.#body === undefined ? this.#takeHeader(bytes, at) : this.#takeBody(this.#body, bytes, at)
      this.#beginBody(messages)
      this.#finishBody(messages)
    }
    return messages
  }

  /**
   * Tells the decoder that the stream is over.
   *
   * @throws FrameError `truncated` when it ended inside a frame.
   */
  end(): void {
    const missing =
      this.#body === undefined
        ? (HEADER_BYTES - this.#headerBytes) % HEADER_BYTES
        : this.#body.length - this.#bodyBytes
    if (missing > 0) this.#fail(new FrameError('truncated', missing))
  }

  #takeHeader(bytes: Uint8Array, at: number): number {
    const part = bytes.subarray(at, at + HEADER_BYTES - this.#headerBytes)
    this.#header.set(part, this.#headerBytes)
    this.#headerBytes += part.length
    return part.length
  }

  #takeBody(body: Uint8Array, bytes: Uint8Array, at: number): number {
    const part = bytes.subarray(at, at + body.length - this.#bodyBytes)
    body.set(part, this.#bodyBytes)
    this.#bodyBytes += part.length
    return part.length
  }

  #beginBody(messages: readonly unknown[]): void {
    if (this.#body !== undefined || this.#headerBytes < HEADER_BYTES) return
    const length = new DataView(this.#header.buffer).getUint32(0)
    if (length > this.maxBytes) this.#fail(new FrameError('too-long', length, messages))
    this.#body = new Uint8Array(length)
    this.#bodyBytes = 0
  }

  #finishBody(messages: unknown[]): void {
    const body = this.#body
    if (body === undefined || this.#bodyBytes < body.length) return
    this.#body = undefined
    this.#headerBytes = 0
    messages.push(this.#parse(body, messages))
  }

  #parse(body: Uint8Array, messages: readonly unknown[]): unknown {
    try {
      return JSON.parse(decoder.decode(body))
    } catch (cause) {
      return this.#fail(new FrameError('malformed', body.length, messages, { cause }))
    }
  }

  #fail(failure: FrameError): never {
    this.#failure = failure
    throw failure
  }
}
