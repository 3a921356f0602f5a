/**
 * The application behind every proxy of the comparison: a plain `Bun.serve` on the Unix socket in the first argument.
 * Answers are made once, so that only the proxies differ.
 */
const socket = process.argv[2]
if (socket === undefined) throw new Error('usage: bun origin.ts SOCKET')

const json = (bytes: number): string =>
  JSON.stringify({ message: 'x'.repeat(bytes - '{"message":""}'.length) })

const bodies: Record<string, string> = {
  '/small': json(105),
  '/10k': json(10 * 1024),
  '/1m': json(1024 * 1024),
}

Bun.serve({
  unix: socket,
  async fetch(request) {
    const path = request.url.slice(request.url.indexOf('/', 8))
    if (request.method === 'POST') return Response.json({ bytes: (await request.arrayBuffer()).byteLength })
    const body = bodies[path]
    if (body === undefined) return new Response('no such shape', { status: 404 })
    return new Response(body, { headers: { 'content-type': 'application/json' } })
  },
})
