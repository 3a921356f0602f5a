/** What can be published, as in Bun: text, or bytes. */
export type MessageData = string | ArrayBufferView | ArrayBuffer | SharedArrayBuffer | Blob

/** One published message on its way between workers. */
export interface Message {
  readonly topic: string
  readonly data: string | Uint8Array
  /** Whether WebSockets are to get it compressed, as the third argument of Bun's `publish`. */
  readonly compress: boolean | undefined
}

/** Longest message, topic included, that goes to other workers. A longer one reaches subscribers of its own worker alone. */
export const MAX_MESSAGE_BYTES = 8_388_608

const HEAD_BYTES = 5
const BINARY = 1
const COMPRESS_SAID = 2
const COMPRESS = 4

const encoder = new TextEncoder()
// A byte order mark is part of the text.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Flags in one byte, the length of the topic in four, the topic, the data. */
export function encodeMessage({ topic, data, compress }: Message): Uint8Array {
  const topicBytes = encoder.encode(topic)
  const dataBytes = typeof data === 'string' ? encoder.encode(data) : data
  const bytes = new Uint8Array(HEAD_BYTES + topicBytes.byteLength + dataBytes.byteLength)
  bytes[0] = flagsOf(data, compress)
  new DataView(bytes.buffer).setUint32(1, topicBytes.byteLength)
  bytes.set(topicBytes, HEAD_BYTES)
  bytes.set(dataBytes, HEAD_BYTES + topicBytes.byteLength)
  return bytes
}

/** The message in these bytes, whose data are a copy; undefined when they are none. */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  if (bytes.byteLength < HEAD_BYTES) return undefined
  const flags = bytes[0]!
  const dataAt = HEAD_BYTES + new DataView(bytes.buffer, bytes.byteOffset).getUint32(1)
  if (dataAt > bytes.byteLength || dataAt === HEAD_BYTES) return undefined
  return {
    topic: decoder.decode(bytes.subarray(HEAD_BYTES, dataAt)),
    data:
      (flags & BINARY) !== 0
        ? new Uint8Array(bytes.subarray(dataAt))
        : decoder.decode(bytes.subarray(dataAt)),
    compress: (flags & COMPRESS_SAID) === 0 ? undefined : (flags & COMPRESS) !== 0,
  }
}

/** Its text, or its bytes as they are, not copied. Like Bun, takes anything else as the text it is written as. */
export function contentOf(data: Exclude<MessageData, Blob>): string | Uint8Array {
  if (typeof data === 'string') return data
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return new Uint8Array(data)
  return String(data)
}

/** Of what `contentOf` gives. */
export function byteLength(data: string | Uint8Array): number {
  return typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength
}

function flagsOf(data: string | Uint8Array, compress: boolean | undefined): number {
  const binary = typeof data === 'string' ? 0 : BINARY
  if (compress === undefined) return binary
  return binary | COMPRESS_SAID | (compress ? COMPRESS : 0)
}
