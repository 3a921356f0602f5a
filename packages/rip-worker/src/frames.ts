import { MAX_FRAME_BYTES } from './protocol.ts'

const HEADER_BYTES = 4
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** Bytes on the control connection that are no frame. The connection is of no use afterwards. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/** One message as a frame: a 4-byte big-endian length and that many bytes of UTF-8 JSON. Throws {@link FrameError} when it is too long. */
export function encodeFrame(message: unknown): Uint8Array {
  const body = encoder.encode(JSON.stringify(message))
  if (body.byteLength > MAX_FRAME_BYTES) throw tooLong(body.byteLength)
  const frame = new Uint8Array(HEADER_BYTES + body.byteLength)
  new DataView(frame.buffer).setUint32(0, body.byteLength)
  frame.set(body, HEADER_BYTES)
  return frame
}

/** Puts frames together again, however the bytes arrive. */
export class FrameDecoder {
  #buffered = new Uint8Array(0)

  /** Every message completed by these bytes, in order. Throws {@link FrameError} when they are no frames. */
  push(bytes: Uint8Array): readonly unknown[] {
    this.#buffered = concat(this.#buffered, bytes)
    const messages: unknown[] = []
    for (;;) {
      const length = this.#nextLength()
      if (length === undefined) return messages
      const end = HEADER_BYTES + length
      messages.push(parseBody(this.#buffered.subarray(HEADER_BYTES, end)))
      this.#buffered = this.#buffered.slice(end)
    }
  }

  /** Length of the first frame, or `undefined` while it is incomplete. */
  #nextLength(): number | undefined {
    const { buffer, byteOffset, byteLength } = this.#buffered
    if (byteLength < HEADER_BYTES) return undefined
    const length = new DataView(buffer, byteOffset).getUint32(0)
    if (length > MAX_FRAME_BYTES) throw tooLong(length)
    return byteLength < HEADER_BYTES + length ? undefined : length
  }
}

function concat(head: Uint8Array<ArrayBuffer>, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(head.byteLength + tail.byteLength)
  joined.set(head)
  joined.set(tail, head.byteLength)
  return joined
}

function parseBody(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body))
  } catch (error) {
    throw new FrameError(`a frame of ${body.byteLength} bytes is not JSON in UTF-8`, { cause: error })
  }
}

function tooLong(length: number): FrameError {
  return new FrameError(`a frame of ${length} bytes is longer than the ${MAX_FRAME_BYTES} bytes allowed`)
}
