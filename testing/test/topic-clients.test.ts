import { expect, test } from 'bun:test'
import app from '../app/topics.ts'
import { until } from '../src/condition.ts'
import { TopicClients } from '../src/topic-clients.ts'

function serve(handlers: object = {}): Bun.Server<unknown> {
  return Bun.serve({ ...app, ...handlers, port: 0 } as never)
}

test('all messages of one process are received by all, in order', async () => {
  using server = serve()
  using clients = new TopicClients({ url: server.url.origin, clients: 3 })
  await clients.connect()
  await clients.publish(50)
  await clients.publish()
  await clients.settle()
  const { p50Ms, p99Ms, ...counts } = clients.report()
  expect(counts).toEqual({
    published: 51,
    received: 153,
    lost: 0,
    disordered: 0,
    reconnects: 0,
    failures: [],
  })
  expect(p50Ms).toBeLessThanOrEqual(p99Ms)
})

test('a message that comes twice, one that comes too late and one that does not come are noticed', async () => {
  const sockets: Bun.ServerWebSocket<unknown>[] = []
  using server = serve({
    websocket: {
      open(socket: Bun.ServerWebSocket<unknown>) {
        sockets.push(socket)
        socket.send('subscribed')
      },
      message() {},
    },
    fetch(request: Request, own: Bun.Server<unknown>) {
      if (own.upgrade(request, { data: undefined })) return
      for (const number of [0, 1, 1, 3, 2]) sockets[0]!.send(`7 ${number} 0`)
      for (const number of [1, 2, 3]) sockets[1]!.send(`7 ${number} 0`)
      return Response.json({ pid: 7, first: 0, last: 3 })
    },
  })
  using clients = new TopicClients({ url: server.url.origin, clients: 2 })
  await clients.connect()
  await clients.publish()
  await clients.settle()
  expect(clients.report()).toMatchObject({ received: 8, disordered: 3, lost: 1, failures: [] })
})

test('a client that is told to connect again does so, and has lost nothing; one that is cut off is a failure', async () => {
  const sockets: Bun.ServerWebSocket<unknown>[] = []
  using server = serve({
    websocket: {
      ...app.websocket,
      open(socket: Bun.ServerWebSocket<unknown>) {
        sockets.push(socket)
        app.websocket.open(socket)
      },
    },
  })
  using clients = new TopicClients({ url: server.url.origin, clients: 2 })
  await clients.connect()
  sockets[0]!.close(1012)
  sockets[1]!.terminate()
  await until('both are back', () => sockets.length === 4)
  await clients.settle()
  await clients.publish(3)
  await clients.settle()
  expect(clients.report()).toMatchObject({
    received: 6,
    lost: 0,
    disordered: 0,
    reconnects: 1,
    failures: ['a WebSocket was closed with 1006'],
  })
})
