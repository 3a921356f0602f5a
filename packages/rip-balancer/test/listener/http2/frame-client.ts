import net from 'node:net'
import { FLAG, FRAME, PREFACE } from '../../../src/http2/frame-type.ts'
import { HpackDecoder } from '../../../src/http2/hpack/hpack-decoder.ts'
import { HpackEncoder, maxBlockBytes } from '../../../src/http2/hpack/hpack-encoder.ts'
import { HpackScratch } from '../../../src/http2/hpack/hpack-scratch.ts'
import { eventually } from '../../exchange/data-plane.ts'
import { SETTINGS, SETTINGS_ACK, frame, numbers } from '../../http2/frames.ts'

export type Fields = readonly (readonly [name: string, value: string])[]

const MAX_FRAME_BYTES = 16_384

/** A frame as it came. */
export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** What came on a stream. */
export interface Response {
  /** Header blocks, interim responses and trailers among them. */
  readonly blocks: Fields[]
  body: string
  /** END_STREAM has come. */
  ended: boolean
  /** Code of RST_STREAM. */
  reset: number | undefined
}

export const GET: Fields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'h.test'],
]

export const POST: Fields = [[':method', 'POST'], ...GET.slice(1)]

/** The fields with one of them, or several, instead of that name; an empty list leaves it out. */
export function withField(fields: Fields, name: string, ...values: readonly string[]): Fields {
  return fields.flatMap((field) =>
    field[0] === name ? values.map((value) => [name, value] as const) : [field],
  )
}

/** A client that writes frames, however wrong they are, and reads what comes. It speaks HTTP/2 without TLS. */
export class FrameClient implements Disposable {
  readonly frames: Frame[] = []
  readonly socket: net.Socket
  /** The server has ended the connection. */
  ended = false
  private readonly responses = new Map<number, Response>()
  private readonly encoder = new HpackEncoder(0)
  private readonly decoder = new HpackDecoder({
    maxTableBytes: 4096,
    maxListBytes: 1e6,
    scratch: new HpackScratch(),
  })
  private bytes: Buffer = Buffer.alloc(0)
  private block: Buffer = Buffer.alloc(0)

  private constructor(socket: net.Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.read(chunk))
    socket.on('end', () => (this.ended = true))
    socket.on('close', () => (this.ended = true))
    socket.on('error', () => {})
  }

  /** Connects and sends nothing. */
  static async open(port: number): Promise<FrameClient> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new FrameClient(socket)
  }

  /** Connects, sends the preface, and has the SETTINGS of both sides acknowledged. */
  static async connect(port: number, settings: Buffer = SETTINGS): Promise<FrameClient> {
    const client = await FrameClient.open(port)
    client.write(PREFACE, settings)
    await eventually(() =>
      client.frames.some(({ type, flags }) => type === FRAME.settings && flags === FLAG.ack),
    )
    client.write(SETTINGS_ACK)
    return client
  }

  write(...bytes: readonly Buffer[]): this {
    this.socket.write(Buffer.concat(bytes))
    return this
  }

  /** Bytes of a header block. */
  encode(fields: Fields): Buffer {
    const bytes = fields.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
    const out = Buffer.alloc(maxBlockBytes(fields.length, bytes))
    this.encoder.begin(out, 0)
    for (const [name, value] of fields) literal(this.encoder, name, value)
    return out.subarray(0, this.encoder.at)
  }

  headers(stream: number, fields: Fields, endsStream: boolean): Buffer {
    const block = this.encode(fields)
    const frames: Buffer[] = []
    for (let at = 0; at === 0 || at < block.length; at += MAX_FRAME_BYTES) {
      const isLast = at + MAX_FRAME_BYTES >= block.length
      const flags = (isLast ? FLAG.endHeaders : 0) | (at === 0 && endsStream ? FLAG.endStream : 0)
      const part = block.subarray(at, at + MAX_FRAME_BYTES)
      frames.push(frame(at === 0 ? FRAME.headers : FRAME.continuation, flags, stream, part))
    }
    return Buffer.concat(frames)
  }

  data(stream: number, body: string | Buffer, endsStream: boolean): Buffer {
    return frame(FRAME.data, endsStream ? FLAG.endStream : 0, stream, body)
  }

  /** Sends a request whose body, if there is one, is one frame. */
  request(stream: number, fields: Fields, body?: string): this {
    const head = this.headers(stream, fields, body === undefined)
    return body === undefined ? this.write(head) : this.write(head, this.data(stream, body, true))
  }

  response(stream: number): Response {
    let response = this.responses.get(stream)
    if (response === undefined) {
      response = { blocks: [], body: '', ended: false, reset: undefined }
      this.responses.set(stream, response)
    }
    return response
  }

  /** Resolves when the response is complete or reset, or the connection has ended. */
  async settled(stream: number): Promise<Response> {
    const response = this.response(stream)
    await eventually(() => response.ended || response.reset !== undefined || this.ended)
    return response
  }

  /** Code of the last GOAWAY. */
  get goAway(): number | undefined {
    return this.goAways.at(-1)?.code
  }

  get goAways(): readonly { lastStream: number; code: number }[] {
    return this.frames
      .filter(({ type }) => type === FRAME.goAway)
      .map(({ payload }) => ({ lastStream: payload.readUInt32BE(0), code: payload.readUInt32BE(4) }))
  }

  /** Makes room for so many bytes more. */
  grow(bytes: number, ...streams: readonly number[]): this {
    return this.write(...[0, ...streams].map((id) => frame(FRAME.windowUpdate, 0, id, numbers(bytes))))
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  private read(chunk: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, chunk])
    for (;;) {
      if (this.bytes.length < 9) return
      const end = 9 + this.bytes.readUIntBE(0, 3)
      if (this.bytes.length < end) return
      const payload = this.bytes.subarray(9, end)
      const taken = {
        type: this.bytes[3]!,
        flags: this.bytes[4]!,
        stream: this.bytes.readUInt32BE(5),
        payload,
      }
      this.bytes = this.bytes.subarray(end)
      this.frames.push(taken)
      this.note(taken)
    }
  }

  private note({ type, flags, stream, payload }: Frame): void {
    if (type === FRAME.data) this.response(stream).body += payload.toString('latin1')
    if (type === FRAME.resetStream) this.response(stream).reset = payload.readUInt32BE(0)
    if (type === FRAME.headers || type === FRAME.continuation) this.noteBlock(stream, flags, payload)
    if ((type === FRAME.data || type === FRAME.headers) && (flags & FLAG.endStream) !== 0)
      this.response(stream).ended = true
  }

  private noteBlock(stream: number, flags: number, payload: Buffer): void {
    this.block = Buffer.concat([this.block, payload])
    if ((flags & FLAG.endHeaders) === 0) return
    const fields: [string, string][] = []
    const result = this.decoder.decode(this.block, 0, this.block.length, {
      field: (name, nameFrom, nameTo, value, from, to) =>
        void fields.push([name.toString('latin1', nameFrom, nameTo), value.toString('latin1', from, to)]),
    })
    if (result !== 'complete') throw new Error(`a header block is ${result}`)
    this.response(stream).blocks.push(fields)
    this.block = Buffer.alloc(0)
  }
}

/** Names stay as they are, which an encoder that is well behaved would not allow. */
function literal(encoder: HpackEncoder, name: string, value: string): void {
  const { out } = encoder
  const length = (text: string): void => {
    if (text.length < 127) return void (out[encoder.at++] = text.length)
    out[encoder.at++] = 127
    let rest = text.length - 127
    for (; rest >= 128; rest >>= 7) out[encoder.at++] = (rest & 127) | 128
    out[encoder.at++] = rest
  }
  out[encoder.at++] = 0
  for (const text of [name, value]) {
    length(text)
    encoder.at += out.write(text, encoder.at, 'latin1')
  }
}

/** Value of a field in a block. */
export function fieldOf(fields: Fields | undefined, name: string): string | undefined {
  return fields?.find(([known]) => known === name)?.[1]
}
