import { FrameReader } from '../../src/http2/frame-reader.ts'
import { FLAG, FRAME } from '../../src/http2/frame-type.ts'
import type { ByteSocket } from '../../src/transport/byte-socket.ts'

/** The bytes of one frame. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | string = '',
): Buffer {
  const body = Buffer.from(payload as Uint8Array)
  const header = Buffer.alloc(9)
  header.writeUIntBE(body.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(stream, 5)
  return Buffer.concat([header, body])
}

/** Numbers of 32 bits. */
export function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => bytes.writeUInt32BE(value, index * 4))
  return bytes
}

/** Payload of a SETTINGS frame. */
export function settingsOf(...entries: readonly (readonly [id: number, value: number])[]): Buffer {
  return Buffer.concat(
    entries.map(([id, value]) => {
      const entry = Buffer.alloc(6)
      entry.writeUInt16BE(id)
      entry.writeUInt32BE(value, 2)
      return entry
    }),
  )
}

export const SETTINGS: Buffer = frame(FRAME.settings, 0, 0)
export const SETTINGS_ACK: Buffer = frame(FRAME.settings, FLAG.ack, 0)

/** Takes everything that is written to it, or as much as `capacity` says. */
export class MemorySocket implements ByteSocket {
  capacity: number = Number.POSITIVE_INFINITY
  writes = 0
  private taken: Buffer[] = []

  write(bytes: Uint8Array, from: number, length: number): number {
    this.writes++
    const count = Math.min(length, this.capacity)
    this.capacity -= count
    if (count > 0) this.taken.push(Buffer.from(bytes.subarray(from, from + count)))
    return count
  }

  /** What was written since the last time. */
  read(): Buffer {
    const bytes = Buffer.concat(this.taken)
    this.taken = []
    return bytes
  }

  shutdown(): void {}
  end(): void {}
  terminate(): void {}
  pause(): void {}
  resume(): void {}
}

const TYPES = Object.fromEntries(Object.entries(FRAME).map(([name, type]) => [type, name]))

/** Frames in words: `type stream flags payload`; the payload in hexadecimal digits, that of DATA and HEADERS as text. */
export function framesIn(bytes: Buffer): string[] {
  const frames: string[] = []
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUIntBE(at, 3)
    const type = bytes[at + 3]!
    const payload = bytes.subarray(at + 9, at + 9 + length)
    const text = type <= FRAME.headers ? payload.toString('latin1') : payload.toString('hex')
    frames.push(`${TYPES[type]} ${bytes.readUInt32BE(at + 5)} ${bytes[at + 4]} ${text}`.trim())
    at += 9 + length
  }
  return frames
}

/** Events of a reader as text, the pieces of a DATA frame joined. */
export function eventsOf(pieces: readonly Buffer[]): string[] {
  const events: string[] = []
  let data = ''
  let current = 0
  const reader = new FrameReader(
    {
      data: {
        begins(stream, length) {
          current = stream
          events.push(`data ${stream} ${length}`)
        },
        part: (bytes, from, to) => void (data += bytes.toString('latin1', from, to)),
        ends(endsStream) {
          events.push(`data ${current} ${data} ${endsStream}`)
          data = ''
        },
      },
      blocks: {
        take: (stream, block, from, to, endsStream) =>
          void events.push(`headers ${stream} ${block.toString('latin1', from, to)} ${endsStream}`),
        tooLong: () => false,
      },
      control: {
        resetStream: (stream, code) => void events.push(`reset ${stream} ${code}`),
        settings: (bytes, from, to) => void events.push(`settings ${bytes.toString('hex', from, to)}`),
        settingsAcknowledged: () => void events.push('settings ack'),
        ping: (bytes, from) => void events.push(`ping ${bytes.toString('hex', from, from + 8)}`),
        pingAnswered: () => void events.push('ping ack'),
        peerGoesAway: (lastStream, code) => void events.push(`goaway ${lastStream} ${code}`),
        windowUpdate: (stream, increment) => void events.push(`window ${stream} ${increment}`),
        ignored: () => void events.push('ignored'),
        brokenStream: (stream, code) => void events.push(`broken stream ${stream} ${code}`),
        broken: (code, reason) => void events.push(`broken ${code} ${reason}`),
      },
    },
    { maxBlockBytes: 20_000, maxContinuations: 8 },
  )
  for (const piece of pieces) reader.read(piece, 0, piece.length)
  return events
}
