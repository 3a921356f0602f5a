/** Type of the server, so that the application needs no other package. */
type Server = Pick<Bun.Server<unknown>, 'publish' | 'upgrade'>

const TOPIC = 'news'

let published = 0

/** What `TopicClients` asks: each message is `PROCESS NUMBER TIME`, by what published it, in milliseconds since the epoch. */
export default {
  fetch(request: Request, server: Server): Response | undefined {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/ws')
      return server.upgrade(request, { data: undefined }) ? undefined : new Response('', { status: 400 })
    if (pathname !== '/publish') return new Response('ok')
    const first = published
    const last = first + Number(searchParams.get('count') ?? 1)
    while (published < last) {
      const atMs = performance.timeOrigin + performance.now()
      server.publish(TOPIC, `${process.pid} ${published++} ${atMs.toFixed(3)}`)
    }
    return Response.json({ pid: process.pid, first, last: last - 1 })
  },
  websocket: {
    open(socket: Bun.ServerWebSocket<unknown>): void {
      socket.subscribe(TOPIC)
      socket.send('subscribed')
    },
    message(): void {},
  },
}
