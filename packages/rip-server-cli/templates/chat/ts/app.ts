// The application: a chat. Each worker has the WebSockets of its own clients; what is published to a topic reaches the
// subscribers of all workers.

interface Visitor {
  readonly name: string
}

type Socket = Bun.ServerWebSocket<Visitor>

const TOPIC = 'chat'

export default {
  fetch(request: Request, server: Bun.Server<Visitor>): Response | undefined {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/') return new Response(Bun.file(new URL('chat.html', import.meta.url)))
    // rip-server.config.ts names this path: new code has to answer it before it serves.
    if (pathname === '/up') return new Response('up\n')
    if (pathname !== '/chat') return new Response('There is nothing here.\n', { status: 404 })
    const name = searchParams.get('name')?.trim().slice(0, 30) || 'somebody'
    if (server.upgrade(request, { data: { name } })) return undefined
    return new Response('a WebSocket, please\n', { status: 426 })
  },

  websocket: {
    maxPayloadLength: 4096,
    open(socket: Socket) {
      socket.subscribe(TOPIC)
      tellAll(socket, `${socket.data.name} is here`)
    },
    message(socket: Socket, text: string) {
      tellAll(socket, `${socket.data.name}: ${text}`)
    },
    close(socket: Socket) {
      socket.publish(TOPIC, `${socket.data.name} has left`)
    },
  },
}

function tellAll(socket: Socket, line: string): void {
  socket.send(line)
  // Everybody else, in whichever worker.
  socket.publish(TOPIC, line)
}
