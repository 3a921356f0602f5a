/**
 * The least that a proxy on Bun's sockets with HTTP/2 to its workers can do: it makes the same system calls as rip-balancer, but
 * takes each read of a client for a GET, of which it knows nothing but the path, and makes a head that is always the same of any answer.
 *
 *   bun bench/proxy/lane-relay.ts PORT TLS_PORT CERT KEY SOCKET…
 */
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  HEADER_BYTES,
  PREFACE,
  windowUpdate,
} from '../src/http2-frames.ts'

const [port, tlsPort, cert = '', key = '', ...origins] = process.argv.slice(2)

const SPACE = 0x20
/** `:method`, `:scheme` and `:authority`, and where `:path` begins. */
const BLOCK = Buffer.from([0x82, 0x86, 0x01, 1, 0x61, 0x04])
const HEAD =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: 4c69400d1b62454a2a38-00000003\r\n'
const WINDOW_BYTES = 2 ** 31 - 1

type Client = Bun.Socket<{ body: Buffer }>

/** Requests of a turn leave with one system call, and so does what answers to them. */
class LaneRelay {
  private readonly unix: string
  private socket: Bun.Socket | undefined
  private nextStream = 1
  private readonly clients = new Map<number, Client>()
  private out: Buffer[] = []
  private rest: Buffer = Buffer.alloc(0)
  private received = 0
  private isScheduled = false

  constructor(unix: string) {
    this.unix = unix
  }

  async open(): Promise<void> {
    this.nextStream = 1
    this.received = 0
    this.rest = Buffer.alloc(0)
    this.clients.clear()
    const settings = Buffer.from([0, 1, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff])
    this.out = [PREFACE, frame(FRAME.settings, 0, 0, settings), windowUpdate(WINDOW_BYTES - 65_535)]
    this.socket = await Bun.connect({
      unix: this.unix,
      socket: {
        data: (_, chunk) => this.read(chunk),
        drain: () => this.flush(),
        // The worker closes what was not used for a while, and is gone at the end.
        close: () => void this.open().catch(() => {}),
      },
    })
    this.flush()
  }

  ask(client: Client, path: Buffer): void {
    const stream = this.nextStream
    this.nextStream += 2
    this.clients.set(stream, client)
    const block = Buffer.concat([BLOCK, Buffer.from([path.length]), path])
    this.out.push(frame(FRAME.headers, END_HEADERS | END_STREAM, stream, block))
    if (this.isScheduled) return
    this.isScheduled = true
    setImmediate(() => this.flush())
  }

  private flush(): void {
    this.isScheduled = false
    if (this.out.length === 0 || this.socket === undefined) return
    const bytes = this.out.length === 1 ? this.out[0]! : Buffer.concat(this.out)
    const taken = Math.max(0, this.socket.write(bytes))
    this.out = taken < bytes.length ? [bytes.subarray(taken)] : []
  }

  private read(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + bytes.readUIntBE(at, 3)
      if (end > bytes.length) break
      this.take(bytes, at, end)
      at = end
    }
    this.rest = Buffer.from(bytes.subarray(at))
  }

  private take(bytes: Buffer, at: number, end: number): void {
    const type = bytes[at + 3]!
    const flags = bytes[at + 4]!
    if (type === FRAME.settings && (flags & ACK) === 0)
      this.socket?.write(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)))
    if (type === FRAME.data)
      this.takeData(bytes.readUInt32BE(at + 5), bytes.subarray(at + HEADER_BYTES, end), flags)
  }

  private takeData(stream: number, data: Buffer, flags: number): void {
    this.received += data.length
    if (this.received > WINDOW_BYTES / 2) {
      this.socket?.write(windowUpdate(this.received))
      this.received = 0
    }
    const client = this.clients.get(stream)
    if (client === undefined) return
    const before = client.data.body
    const body = before.length === 0 ? data : Buffer.concat([before, data])
    client.data.body = (flags & END_STREAM) === 0 ? Buffer.from(body) : NO_BODY
    if ((flags & END_STREAM) === 0) return
    this.clients.delete(stream)
    client.write(Buffer.concat([Buffer.from(`${HEAD}Content-Length: ${body.length}\r\n\r\n`), body]))
  }
}

const NO_BODY: Buffer = Buffer.alloc(0)
const lanes = origins.map((unix) => new LaneRelay(unix))
await Promise.all(lanes.map((lane) => lane.open()))

let asked = 0

const socket: Bun.SocketHandler<{ body: Buffer }> = {
  open(client) {
    client.data = { body: NO_BODY }
  },
  data(client, chunk) {
    const from = chunk.indexOf(SPACE) + 1
    lanes[asked++ % lanes.length]!.ask(client, chunk.subarray(from, chunk.indexOf(SPACE, from)))
  },
}
Bun.listen<{ body: Buffer }>({ hostname: '127.0.0.1', port: Number(port), socket })
Bun.listen<{ body: Buffer }>({
  hostname: '127.0.0.1',
  port: Number(tlsPort),
  tls: { cert: Bun.file(cert), key: Bun.file(key) },
  socket,
})
