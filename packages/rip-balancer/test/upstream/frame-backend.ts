import net from 'node:net'
import { FLAG, FRAME, PREFACE } from '../../src/http2/frame-type.ts'
import { HpackDecoder } from '../../src/http2/hpack/hpack-decoder.ts'
import { HpackEncoder } from '../../src/http2/hpack/hpack-encoder.ts'
import { HpackScratch } from '../../src/http2/hpack/hpack-scratch.ts'
import { SETTINGS, SETTINGS_ACK, frame } from '../http2/frames.ts'

/** One frame of the balancer's. */
export interface Seen {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export type Fields = readonly (readonly [name: string, value: string])[]

/** What a backend of the test does with a frame. */
export type Reaction = (seen: Seen, connection: FrameConnection) => void

/** One connection of the balancer to it. */
export class FrameConnection {
  readonly socket: net.Socket
  private readonly decoder = new HpackDecoder({
    maxTableBytes: 4_096,
    maxListBytes: 65_536,
    scratch: new HpackScratch(),
  })
  private readonly encoder = new HpackEncoder(0)

  constructor(socket: net.Socket) {
    this.socket = socket
  }

  write(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames))
  }

  /** A HEADERS frame. */
  headers(stream: number, fields: Fields, flags: number = FLAG.endHeaders): Buffer {
    const block = Buffer.alloc(64 * 1024)
    this.encoder.begin(block, 0)
    for (const [name, value] of fields) {
      const [n, v] = [Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')]
      this.encoder.field(n, 0, n.length, v, 0, v.length)
    }
    return frame(FRAME.headers, flags, stream, block.subarray(0, this.encoder.at))
  }

  /** A complete response. */
  answer(stream: number, body: string, fields: Fields = [[':status', '200']]): void {
    this.write(this.headers(stream, fields), frame(FRAME.data, FLAG.endStream, stream, body))
  }

  /** The fields of a block of the balancer's. */
  fieldsOf({ payload }: Seen): Record<string, string> {
    const fields: Record<string, string> = {}
    this.decoder.decode(payload, 0, payload.length, {
      field(name, nameFrom, nameTo, value, from, to) {
        fields[name.toString('latin1', nameFrom, nameTo)] = value.toString('latin1', from, to)
      },
    })
    return fields
  }
}

/** A backend that speaks HTTP/2 frame by frame, as a test tells it. SETTINGS and PING are answered by itself. */
export class FrameBackend implements AsyncDisposable {
  readonly connections: FrameConnection[] = []
  readonly seen: Seen[] = []
  private readonly server: net.Server

  private constructor(server: net.Server) {
    this.server = server
  }

  static async listen(reaction: Reaction, settings: Buffer = SETTINGS): Promise<FrameBackend> {
    const server = net.createServer()
    const backend = new FrameBackend(server)
    server.on('connection', (socket) => backend.connect(socket, reaction, settings))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return backend
  }

  get address(): string {
    return `h2c://127.0.0.1:${(this.server.address() as net.AddressInfo).port}`
  }

  /** Connections of HTTP/2. */
  get handshakes(): number {
    return this.of(FRAME.settings).filter(({ flags }) => (flags & FLAG.ack) === 0).length
  }

  /** Frames of that type. */
  of(type: number): readonly Seen[] {
    return this.seen.filter((each) => each.type === type)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.connections) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private connect(socket: net.Socket, reaction: Reaction, settings: Buffer): void {
    const connection = new FrameConnection(socket)
    this.connections.push(connection)
    let bytes = Buffer.alloc(0)
    let isBegun = false
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      // HTTP/1.1 is not answered.
      if (!isBegun && bytes.subarray(0, PREFACE.length).equals(PREFACE)) {
        isBegun = true
        bytes = bytes.subarray(PREFACE.length)
        connection.write(settings)
      }
      while (isBegun && bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
        const length = bytes.readUIntBE(0, 3)
        const seen = {
          type: bytes[3]!,
          flags: bytes[4]!,
          stream: bytes.readUInt32BE(5),
          payload: Buffer.from(bytes.subarray(9, 9 + length)),
        }
        bytes = bytes.subarray(9 + length)
        this.take(seen, connection, reaction)
      }
    })
  }

  private take(seen: Seen, connection: FrameConnection, reaction: Reaction): void {
    this.seen.push(seen)
    if (seen.type === FRAME.settings && (seen.flags & FLAG.ack) === 0) connection.write(SETTINGS_ACK)
    else reaction(seen, connection)
  }
}
