/**
 * A backend on the Unix socket in the first argument, with the behaviour in the second. `good` answers with the target,
 * and a request with a body with its SHA-1; `/stream` takes half a second, `/bytes/N` has N bytes. Backends with
 * another behaviour accept connections and fail in that way.
 */
import { createHash } from 'node:crypto'
import net from 'node:net'

const [socket = '', behaviour = 'good'] = process.argv.slice(2)

async function* slowly(): AsyncGenerator<string> {
  for (let line = 0; line < 10; line++) {
    yield `${line}\n`
    await Bun.sleep(50)
  }
}

const BLOCK = new Uint8Array(64 * 1024).fill(0x78)

async function* blocks(bytes: number): AsyncGenerator<Uint8Array> {
  for (let left = bytes; left > 0; left -= BLOCK.length)
    yield left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK
}

async function answer(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url)
  if (pathname === '/stream') return new Response(slowly())
  if (request.method === 'POST')
    return new Response(
      createHash('sha1')
        .update(await request.bytes())
        .digest('hex'),
    )
  if (pathname.startsWith('/bytes/')) return new Response(blocks(Number(pathname.slice('/bytes/'.length))))
  return new Response(pathname + search)
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n'

/** The reaction to a connection when the first bytes of a request have arrived. */
const MISBEHAVIOURS: Readonly<Record<string, (socket: net.Socket) => void>> = {
  'one-byte': (peer) => peer.write('H', () => peer.resetAndDestroy()),
  silent: () => {},
  garbage: (peer) => peer.end('\0\xff\r\n\r\nthis is not HTTP\r\n'),
  'too-short': (peer) => peer.end(`${OK}Content-Length: 100\r\n\r\nshort`),
  'too-long': (peer) => peer.write(`${OK}Content-Length: 5\r\n\r\nlonger than it said`),
}

// The types of a server on a Unix socket know no HTTP/2.
const good: object = { unix: socket, http2: true, fetch: answer }

if (behaviour === 'good') Bun.serve(good as Bun.Serve.Options<undefined>)
else {
  const misbehave = MISBEHAVIOURS[behaviour]
  if (misbehave === undefined) throw new Error(`there is no behaviour called ${behaviour}`)
  net
    .createServer((peer) => {
      peer.on('error', () => {})
      peer.on('data', () => misbehave(peer))
    })
    .listen(socket)
}
