/**
 * The least that a proxy on Bun's sockets can do: it connects each client to a worker, and passes bytes on unchanged.
 * It does not parse HTTP, so no proxy on these sockets can be faster.
 *
 *   bun bench/proxy/relay.ts PORT TLS_PORT CERT KEY SOCKET…
 */
const [port, tlsPort, cert = '', key = '', ...origins] = process.argv.slice(2)

/** One side of a connection, and the bytes that wait for its peer. */
interface Side {
  peer: Bun.Socket<Side> | undefined
  readonly waiting: Buffer[]
}

function send({ data: { peer, waiting } }: Bun.Socket<Side>): boolean {
  for (let next = waiting[0]; next !== undefined && peer !== undefined; next = waiting[0]) {
    const taken = Math.max(0, peer.write(next))
    if (taken < next.length) waiting[0] = next.subarray(taken)
    if (taken < next.length) return false
    waiting.shift()
  }
  return true
}

function relay(socket: Bun.Socket<Side>, chunk: Buffer): void {
  socket.data.waiting.push(chunk)
  if (!send(socket)) socket.pause()
}

const side = (peer?: Bun.Socket<Side>): Side => ({ peer, waiting: [] })

const handlers: Bun.SocketHandler<Side> = {
  data: relay,
  drain({ data: { peer } }) {
    if (peer !== undefined && send(peer)) peer.resume()
  },
  close({ data: { peer } }) {
    peer?.end()
  },
  error({ data: { peer } }) {
    peer?.end()
  },
}

let accepted = 0

async function connect(client: Bun.Socket<Side>): Promise<void> {
  const unix = origins[accepted++ % origins.length]!
  client.data = side()
  const worker = await Bun.connect<Side>({ unix, socket: handlers, data: side(client) })
  client.data.peer = worker
  send(client)
}

const socket: Bun.SocketHandler<Side> = { ...handlers, open: connect }
Bun.listen<Side>({ hostname: '127.0.0.1', port: Number(port), socket })
Bun.listen<Side>({
  hostname: '127.0.0.1',
  port: Number(tlsPort),
  tls: { cert: Bun.file(cert), key: Bun.file(key) },
  socket,
})
