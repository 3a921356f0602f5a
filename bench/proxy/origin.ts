/**
 * The application behind every proxy of the comparison: a plain `Bun.serve` on the Unix socket in the first argument, and on
 * the TCP port in the second, which several processes share.
 * Answers are made once, so that only the proxies differ.
 */
const [, , socket, port] = process.argv
if (socket === undefined || port === undefined) throw new Error('usage: bun origin.ts SOCKET PORT')

const json = (bytes: number): string =>
  JSON.stringify({ message: 'x'.repeat(bytes - '{"message":""}'.length) })

const bodies: Record<string, string> = {
  '/small': json(105),
  '/10k': json(10 * 1024),
  '/1m': json(1024 * 1024),
}

const answers = {
  async fetch(request: Request): Promise<Response> {
    const path = request.url.slice(request.url.indexOf('/', 8))
    if (request.method === 'POST') return Response.json({ bytes: (await request.arrayBuffer()).byteLength })
    const body = bodies[path]
    if (body === undefined) return new Response('no such shape', { status: 404 })
    return new Response(body, { headers: { 'content-type': 'application/json' } })
  },
}

// Workers speak both protocols on their socket; the types leave the option out for one.
const options: object = { unix: socket, http2: true, ...answers }
Bun.serve(options as Bun.Serve.Options<undefined>)
Bun.serve({ port: Number(port), hostname: '127.0.0.1', reusePort: true, ...answers })
