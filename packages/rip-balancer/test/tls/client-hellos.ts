import net from 'node:net'

/** Lengths of the parts of a ClientHello before its session id: record and handshake header, version, random (RFC 8446 §4.1.2). */
const BEFORE_SESSION_ID = 5 + 4 + 2 + 32
const SERVER_NAME = 0

/** A server that reads the requested name from the bytes of the ClientHello, and closes the connection. */
export class ClientHellos implements AsyncDisposable {
  /** The `server_name` of each ClientHello; `undefined` if there was none. */
  readonly names: (string | undefined)[] = []
  private readonly server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (bytes: Buffer) => {
      this.names.push(serverNameOf(bytes))
      socket.destroy()
    })
  })

  static async start(): Promise<ClientHellos> {
    const hellos = new ClientHellos()
    await new Promise<void>((resolve) => hellos.server.listen(0, '127.0.0.1', resolve))
    return hellos
  }

  get address(): string {
    return `https://127.0.0.1:${(this.server.address() as net.AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve))
  }
}

/** Name in the extension `server_name` (RFC 6066 §3). */
function serverNameOf(hello: Buffer): string | undefined {
  let at = BEFORE_SESSION_ID
  at += 1 + hello.readUInt8(at)
  at += 2 + hello.readUInt16BE(at)
  at += 1 + hello.readUInt8(at)
  const end = at + 2 + hello.readUInt16BE(at)
  for (at += 2; at < end; at += 4 + hello.readUInt16BE(at + 2)) {
    if (hello.readUInt16BE(at) !== SERVER_NAME) continue
    const list = at + 4
    return hello.toString('latin1', list + 5, list + 5 + hello.readUInt16BE(list + 3))
  }
  return undefined
}
