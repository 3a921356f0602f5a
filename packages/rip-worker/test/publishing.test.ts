import { expect, test } from 'bun:test'
import { until } from '@rip/testing'
import { Topics } from '../src/bus/topics.ts'
import type { RequestContext } from '../src/index.ts'
import { LocalWorker } from './helpers.ts'

/** The methods that the test calls on the worker's context and on Bun's own server. */
type Asked = Pick<RequestContext, 'publish' | 'upgrade' | 'subscriberCount'>

interface Played {
  readonly results: readonly unknown[]
  readonly received: readonly (readonly unknown[])[]
}

/** Two clients of one server; the first also publishes. Returns the messages each gets, and the result of each call. */
async function play(serve: (app: { fetch: unknown; websocket: object }) => Promise<string>): Promise<Played> {
  const results: unknown[] = []
  let server: Asked | undefined
  const opened: Bun.ServerWebSocket<unknown>[] = []
  const url = await serve({
    fetch(request: Request, asked: Asked) {
      server = asked
      return asked.upgrade(request, { data: {} }) ? undefined : new Response('')
    },
    websocket: {
      perMessageDeflate: true,
      open(socket: Bun.ServerWebSocket<unknown>) {
        opened.push(socket)
      },
      message() {},
      close(socket: Bun.ServerWebSocket<unknown>) {
        results.push(socket.publish('t', 'one left'))
      },
    },
  })
  const received: unknown[][] = [[], []]
  let clients = 0
  for (const messages of received) {
    const client = new WebSocket(url)
    client.binaryType = 'arraybuffer'
    client.onmessage = ({ data }) =>
      messages.push(typeof data === 'string' ? data : [...new Uint8Array(data)])
    clients += 1
    await until('it is open', () => opened.length === clients)
  }
  const [first, second] = opened as [Bun.ServerWebSocket<unknown>, Bun.ServerWebSocket<unknown>]
  results.push(server!.publish('t', 'nobody'), first.publish('t', 'nobody'))
  first.subscribe('t')
  results.push(first.publish('t', 'only myself'), server!.publish('t', 'to one ä'))
  second.subscribe('t')
  results.push(first.publish('t', 'from the first'), first.publishText('t', 'as text'))
  results.push(
    first.publishBinary('t', new Uint8Array([1, 2])),
    second.publish('t', new Uint8Array([3]).buffer, true),
  )
  results.push(server!.publish('t', 'to both', true), server!.publish('t', ''), server!.subscriberCount('t'))
  first.cork((socket) => results.push(socket.publish('t', 'corked')))
  results.push(first.isSubscribed('t'), first.subscriptions, first.readyState)
  for (const call of [() => server!.publish('', 'x'), () => first.publish(undefined as never, 'x')]) {
    try {
      results.push(call())
    } catch (error) {
      results.push(error instanceof Error)
    }
  }
  second.close()
  await until('it is closed', () => second.readyState === WebSocket.CLOSED)
  results.push(second.publish('t', 'from the closed one'), server!.subscriberCount('t'))
  server!.publish('t', 'end')
  await until('all have arrived', () => received[0]!.at(-1) === 'end')
  const played = { results: [...results], received }
  first.close()
  return played
}

test('publishing in one worker alone is as with Bun: who gets it, and what is returned', async () => {
  const plain = await play(async (app) => {
    const server = Bun.serve({ ...(app as { fetch: never; websocket: never }), port: 0 })
    return server.url.href.replace('http', 'ws')
  })
  const workers: LocalWorker[] = []
  const served = await play(async (app) => {
    const worker = await LocalWorker.serve(app as never)
    workers.push(worker)
    return `ws+unix://${worker.socket}`
  })
  await using _worker = workers[0]!
  expect(served).toEqual(plain)
  expect(plain.received[0]).toContain('to both')
})

test('a handler subscribes to what WebSockets and requests publish', async () => {
  const heard: unknown[] = []
  await using local = await LocalWorker.serve({
    fetch(_request, context) {
      const end = context.subscribe('t', (message, topic) => heard.push([topic, message]))
      const results = [context.publish('t', 'text'), context.publish('t', Uint8Array.of(1))]
      end()
      return Response.json([...results, context.publish('t', 'late')])
    },
  })
  expect(await (await local.fetch('/')).json()).toEqual([4, 1, 0])
  expect(heard).toEqual([
    ['t', 'text'],
    ['t', Uint8Array.of(1)],
  ])
})

test('a request that subscribes first is answered when the other workers know it', async () => {
  const topics = new Topics()
  const joined = Promise.withResolvers<void>()
  topics.carryBy({ send: () => false, join: () => joined.promise })
  await using local = await LocalWorker.serve({
    topics,
    fetch(_request, context) {
      context.subscribe('t', () => {})
      return new Response('subscribed')
    },
  })
  await using other = await LocalWorker.serve({ fetch: () => new Response('') })
  const order: string[] = []
  const answers = [1, 2].map(async () => order.push(await (await local.fetch('/')).text()))
  await until('both have subscribed', () => local.worker.stats.requests === 2)
  // Longer than answers that are on their way take.
  for (let n = 0; n < 5; n++) await other.fetch('/')
  order.push('joined')
  joined.resolve()
  await Promise.all(answers)
  expect(order).toEqual(['joined', 'subscribed', 'subscribed'])
  expect(await (await local.fetch('/')).text()).toBe('subscribed')
})

test('an event stream whose client has left is no subscriber any more', async () => {
  const heard: unknown[] = []
  await using local = await LocalWorker.serve({
    fetch(request, context) {
      if (request.url.endsWith('/publish')) return Response.json(context.publish('t', 'x'))
      context.subscribe('t', (message) => heard.push(message), { signal: context.signal })
      return new Response(new ReadableStream({ start: (stream) => stream.enqueue('\n') }), {
        headers: { 'content-type': 'text/event-stream' },
      })
    },
  })
  const leave = new AbortController()
  await local.fetch('/', { signal: leave.signal })
  expect(await (await local.fetch('/publish')).json()).toBe(1)
  leave.abort()
  await until('it has left', async () => (await (await local.fetch('/publish')).json()) === 0)
  expect(heard.length).toBeGreaterThan(0)
})

test('modules without the context publish and subscribe in their process', async () => {
  const { publish, subscribe } = await import('../src/bus.ts')
  const heard: unknown[] = []
  using end = { [Symbol.dispose]: subscribe('of modules', (message) => heard.push(message)) }
  expect([publish('of modules', 'x'), publish('of others', 'x')]).toEqual([1, 0])
  end[Symbol.dispose]()
  publish('of modules', 'y')
  expect(heard).toEqual(['x'])
})
