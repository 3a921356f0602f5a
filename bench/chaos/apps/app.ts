/** The application of the chaos run for Bun, with the same routes as the Rack and Node.js versions beside it. */
import { createHash } from 'node:crypto'
import { VERSION } from './version.ts'

const encoder = new TextEncoder()

function lines(): ReadableStream<Uint8Array> {
  let next = 0
  return new ReadableStream({
    async pull(controller) {
      controller.enqueue(encoder.encode(`${next}\n`))
      if (++next === 10) return controller.close()
      await new Promise((resolve) => setTimeout(resolve, 100))
    },
  })
}

export default async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname === '/stream') return new Response(lines())
  if (pathname === '/echo') {
    const body = Buffer.from(await request.arrayBuffer())
    return new Response(createHash('sha1').update(body).digest('hex'))
  }
  return Response.json({ version: VERSION, pid: process.pid })
}
