import net from 'node:net'

const PREFACE_BYTES = 24
const HEADER_BYTES = 9
const HEADERS = 1
const RESET_STREAM = 3
const SETTINGS = 4
const MAX_STREAMS_SETTING = 3

/** A backend in HTTP/2 that takes every request and answers none. */
export class SilentBackend implements AsyncDisposable {
  /** Requests that wait. */
  waiting = 0
  private readonly sockets = new Set<net.Socket>()
  private readonly server: net.Server

  constructor(maxStreams: number) {
    this.server = net.createServer((socket) => this.accept(socket, maxStreams))
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    return `h2c://127.0.0.1:${(this.server.address() as net.AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private accept(socket: net.Socket, maxStreams: number): void {
    const open = new Set<number>()
    let bytes: Buffer = Buffer.alloc(0)
    let skipped = PREFACE_BYTES
    this.sockets.add(socket)
    socket.write(Buffer.concat([frame(SETTINGS, setting(MAX_STREAMS_SETTING, maxStreams)), ACKNOWLEDGEMENT]))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.sockets.delete(socket)
      this.waiting -= open.size
    })
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      let at = Math.min(skipped, bytes.length)
      skipped -= at
      while (
        bytes.length - at >= HEADER_BYTES &&
        bytes.length - at >= HEADER_BYTES + bytes.readUIntBE(at, 3)
      ) {
        this.take(open, bytes[at + 3]!, bytes.readUInt32BE(at + 5))
        at += HEADER_BYTES + bytes.readUIntBE(at, 3)
      }
      bytes = bytes.subarray(at)
    })
  }

  private take(open: Set<number>, type: number, stream: number): void {
    if (type === HEADERS) open.add(stream)
    else if (type !== RESET_STREAM || !open.delete(stream)) return
    this.waiting += type === HEADERS ? 1 : -1
  }
}

function frame(type: number, payload: Buffer, flags = 0): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUIntBE(payload.length, 0, 3)
  header[3] = type
  header[4] = flags
  return Buffer.concat([header, payload])
}

function setting(id: number, value: number): Buffer {
  const payload = Buffer.alloc(6)
  payload.writeUInt16BE(id)
  payload.writeUInt32BE(value, 2)
  return payload
}

const ACKNOWLEDGEMENT = frame(SETTINGS, Buffer.alloc(0), 1)
