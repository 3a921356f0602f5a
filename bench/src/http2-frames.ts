export const HEADER_BYTES = 9
/** What a client sends first (RFC 9113 §3.4). */
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export const FRAME = { data: 0, headers: 1, settings: 4, windowUpdate: 8 } as const
export const END_STREAM = 1
export const END_HEADERS = 4
export const ACK = 1

/** A frame of HTTP/2. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(stream, 5)
  bytes.set(payload, HEADER_BYTES)
  return bytes
}

/** What a client or a server sends first: all windows are as large as can be. */
export function greeting(isClient: boolean): Buffer {
  const settings = Buffer.from([0, 3, 0, 0, 1, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff])
  return Buffer.concat([
    isClient ? PREFACE : Buffer.alloc(0),
    frame(FRAME.settings, 0, 0, settings),
    windowUpdate(0x7fffffff - 65_535),
    frame(FRAME.settings, ACK, 0, Buffer.alloc(0)),
  ])
}

/** Lets the balancer send so many bytes more on the connection. */
export function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(bytes)
  return frame(FRAME.windowUpdate, 0, 0, payload)
}

/** A head and a body on a stream whose number is filled in. */
export function message(block: Uint8Array, body: Uint8Array): Buffer {
  const head = frame(FRAME.headers, body.length === 0 ? END_HEADERS | END_STREAM : END_HEADERS, 0, block)
  return body.length === 0 ? head : Buffer.concat([head, frame(FRAME.data, END_STREAM, 0, body)])
}

/** One message for each stream, in one buffer. */
export function messages(template: Buffer, streams: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafeSlow(template.length * streams.length)
  const dataAt = HEADER_BYTES + template.readUIntBE(0, 3)
  let at = 0
  for (const stream of streams) {
    bytes.set(template, at)
    bytes.writeUInt32BE(stream, at + 5)
    if (dataAt < template.length) bytes.writeUInt32BE(stream, at + dataAt + 5)
    at += template.length
  }
  return bytes
}

/** Adds the streams that end in these frames. A write of the balancer ends where a frame does. */
export function endedStreams(bytes: Uint8Array, from: number, length: number, streams: number[]): void {
  const end = from + length
  let at = from
  if (bytes[at] === PREFACE[0] && bytes[at + 1] === PREFACE[1]) at += PREFACE.length
  for (; at < end; at += HEADER_BYTES + lengthOf(bytes, at))
    if (bytes[at + 3]! <= FRAME.headers && (bytes[at + 4]! & END_STREAM) !== 0)
      streams.push(streamOf(bytes, at))
}

function lengthOf(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
}

function streamOf(bytes: Uint8Array, at: number): number {
  return (bytes[at + 5]! << 24) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 8) | bytes[at + 8]!
}
