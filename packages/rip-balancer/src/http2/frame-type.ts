/** Types of frames (RFC 9113 §6). */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

/** Flags of frames; what a bit means depends on the type. */
export const FLAG = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

/** Every frame begins with a header of this length (RFC 9113 §4.1). */
export const FRAME_HEADER_BYTES = 9

/** Length of the payload of PING (RFC 9113 §6.7). */
export const PING_BYTES = 8

/** The largest identifier of a stream, and the largest window (RFC 9113 §5.1.1, §6.9.1). */
export const MAX_31_BITS = 0x7fffffff

/** The first line of the preface, which looks like that of a request. */
export const PREFACE_LINE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n', 'latin1')

/** What a client sends first (RFC 9113 §3.4). */
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
