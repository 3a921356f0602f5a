import { createHash } from 'node:crypto'

const EVENTS = { headers: { 'content-type': 'text/event-stream' } }
const LINES = 10
const LINE_PAUSE_MS = 50

/**
 * The routes that `Load` uses, and two paths for held connections: `/socket`, a WebSocket, and `/events`, which sends
 * one event.
 */
export default {
  async fetch(request: Request, server: Bun.Server<undefined>): Promise<Response | undefined> {
    const { pathname, search } = new URL(request.url)
    if (pathname === '/socket' && server.upgrade(request)) return undefined
    if (pathname === '/events') return new Response(firstEvent(), EVENTS)
    if (pathname === '/stream') return new Response(lines())
    if (pathname !== '/echo') return new Response(pathname + search)
    const body = await request.arrayBuffer()
    return new Response(createHash('sha1').update(new Uint8Array(body)).digest('hex'))
  },
  websocket: { message: (socket: Bun.ServerWebSocket<undefined>, text: string) => void socket.send(text) },
}

function firstEvent(): ReadableStream {
  return new ReadableStream({ start: (controller) => controller.enqueue('data: hello\n\n') })
}

async function* lines(): AsyncGenerator<string> {
  for (let n = 0; n < LINES; n++) {
    yield `${n}\n`
    await Bun.sleep(LINE_PAUSE_MS)
  }
}
