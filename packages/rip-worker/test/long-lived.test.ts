import { describe, expect, test } from 'bun:test'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { until } from '@rip/testing'
import { createWorker, type Handler, type RequestContext, type WorkerOptions } from '../src/index.ts'
import { clientNetwork } from '../src/serve/client-network.ts'
import { LongLivedGate } from '../src/serve/long-lived-gate.ts'
import { LocalWorker } from './helpers.ts'

const EVENTS = { headers: { 'content-type': 'Text/Event-Stream; charset=utf-8' } }
const REFUSAL = 'Too many WebSockets and event streams are open\n'

/** A stream of one event that never ends by itself. */
const endless = (): ReadableStream<string> =>
  new ReadableStream({ start: (controller) => controller.enqueue('data: 1\n\n') })

type Options = Omit<WorkerOptions, 'listen' | 'log'>

/** The same application written for Bun and for `node:http`: `/ws`, `/events`, a download at `/file`, `/slow`, and all others. */
const forBun = (): Options => ({
  fetch: ((request: Request, { upgrade }: RequestContext): Response | Promise<Response> | undefined => {
    const { pathname } = new URL(request.url)
    if (upgrade(request)) return undefined
    if (pathname === '/events') return new Response(endless(), EVENTS)
    if (pathname === '/file')
      return new Response(endless(), { headers: { ...EVENTS.headers, 'content-length': '100' } })
    if (pathname === '/slow') return new Promise<Response>(() => {})
    return new Response('ok')
  }) as Handler,
  websocket: { message() {} },
})

const forNode = (): Options => {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/events') response.writeHead(200, EVENTS.headers).write('data: 1\n\n')
    else if (request.url === '/implicit') {
      response.setHeader('Content-Type', 'text/event-stream')
      response.write('data: 1\n\n')
    } else if (request.url === '/file')
      response.writeHead(200, { ...EVENTS.headers, 'content-length': '100' }).write('data: 1\n\n')
    else if (request.url !== '/slow') response.end('ok')
  })
  server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  })
  return { nodeServer: server }
}

/** The status, as soon as the head of the answer has arrived; the connection stays open. */
async function statusOf(
  local: LocalWorker,
  path: string,
  headers: Record<string, string> = {},
): Promise<number> {
  return (await local.fetch(path, { headers })).status
}

/** Opens a connection and asks for a WebSocket. @returns the status, and a function that closes the connection */
async function openSocket(local: LocalWorker): Promise<{ status: string; end: () => void }> {
  const head = Promise.withResolvers<string>()
  const socket = await Bun.connect({
    unix: local.socket,
    socket: { data: (_socket, data) => head.resolve(data.toString()), close: () => head.resolve('') },
  })
  socket.write(
    'GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  return { status: (await head.promise).slice(9, 12), end: () => socket.end() }
}

describe.each([
  ['Bun', forBun],
  ['node:http', forNode],
] as const)('an application for %s with a concurrency of one', (_runtime, options) => {
  test('answers while WebSockets and event streams are open', async () => {
    await using local = await LocalWorker.serve({ ...options(), concurrency: 1 })
    const sockets = [await openSocket(local), await openSocket(local)]
    const streams = [await local.fetch('/events'), await local.fetch('/events')]
    expect(sockets.map(({ status }) => status)).toEqual(['101', '101'])
    expect(await (await local.fetch('/')).text()).toBe('ok')
    expect(local.worker.stats).toMatchObject({ inFlight: 0, waiting: 0, webSockets: 2, eventStreams: 2 })
    for (const { end } of sockets) end()
    for (const { body } of streams) await body!.cancel()
    await until('all have ended', () => {
      const { webSockets, eventStreams } = local.worker.stats
      return webSockets + eventStreams === 0
    })
  })

  test('still answers requests one after the other', async () => {
    await using local = await LocalWorker.serve({ ...options(), concurrency: 1 })
    await local.fetch('/events')
    void local.fetch('/slow').catch(() => {})
    await until('one runs', () => local.worker.stats.inFlight === 1)
    void local.fetch('/').catch(() => {})
    await until('the other waits', () => local.worker.stats.waiting === 1)
  })

  test('counts a download that claims to be an event stream', async () => {
    await using local = await LocalWorker.serve({ ...options(), concurrency: 1 })
    await local.fetch('/file')
    expect(local.worker.stats).toMatchObject({ inFlight: 1, eventStreams: 0 })
  })

  test('waits for event streams in a drain', async () => {
    await using local = await LocalWorker.serve({ ...options(), concurrency: 1 })
    const { body } = await local.fetch('/events')
    const closing = local.worker.close({ timeoutMs: 10_000 })
    await until('it drains', () => local.worker.state === 'draining')
    expect(local.worker.stats.eventStreams).toBe(1)
    await body!.cancel()
    expect((await closing).abandoned).toBe(0)
  })
})

describe.each([
  ['Bun', forBun],
  ['node:http', forNode],
] as const)('an application for %s at its limit of WebSockets and event streams', (_runtime, options) => {
  test('answers one more with 503, and goes on answering other requests', async () => {
    await using local = await LocalWorker.serve({ ...options(), maxLongLived: 2 })
    const socket = await openSocket(local)
    await local.fetch('/events')
    const refused = await local.fetch('/events')
    expect([refused.status, refused.headers.get('retry-after'), await refused.text()]).toEqual([
      503,
      '1',
      REFUSAL,
    ])
    expect(refused.headers.get('content-type') ?? '').not.toContain('event-stream')
    expect((await openSocket(local)).status).toBe('503')
    expect(await (await local.fetch('/')).text()).toBe('ok')
    expect(local.log).toEqual(['a WebSocket or an event stream was refused with 503: maxLongLived is 2'])
    socket.end()
    await until('one has ended', () => local.worker.stats.webSockets === 0)
    expect(await statusOf(local, '/events')).toBe(200)
  })

  test('counts them by client, as far as the client is known', async () => {
    await using local = await LocalWorker.serve({ ...options(), maxLongLivedPerAddress: 1 })
    const from = (address: string): Promise<number> =>
      statusOf(local, '/events', { 'x-forwarded-for': address })
    expect([await from('192.0.2.1'), await from('192.0.2.2'), await from('192.0.2.1')]).toEqual([
      200, 200, 503,
    ])
    expect([await from('2001:db8::1'), await from('2001:db8:0:0:1::2')]).toEqual([200, 503])
    expect([await statusOf(local, '/events'), await statusOf(local, '/events')]).toEqual([200, 200])
  })
})

test('an event stream of node:http is recognised also by fields set before its head was written', async () => {
  await using local = await LocalWorker.serve({ ...forNode(), concurrency: 1 })
  await local.fetch('/implicit')
  expect(await (await local.fetch('/')).text()).toBe('ok')
  expect(local.worker.stats.eventStreams).toBe(1)
})

test('data that a node:http application writes into a refused event stream is dropped', async () => {
  const closed: string[] = []
  await using local = await LocalWorker.serve({
    maxLongLived: 1,
    listener: (request, response) => {
      response.on('close', () => closed.push(request.url ?? ''))
      response.setHeader('x-mine', '1')
      response.writeHead(200, ['Content-Type', 'text/event-stream'])
      for (let n = 0; n < 3; n++) response.write('data: 1\n\n')
      if (request.url === '/second') response.end('data: end\n\n')
    },
  })
  await local.fetch('/first')
  const refused = await local.fetch('/second')
  expect([refused.status, await refused.text(), refused.headers.get('x-mine')]).toEqual([503, REFUSAL, null])
  await until('it hears of the end', () => closed.includes('/second'))
})

test('a request that is no WebSocket is not refused at the limit, though the application tries to upgrade it', async () => {
  await using local = await LocalWorker.serve({ ...forBun(), maxLongLived: 1 })
  await openSocket(local)
  expect(await statusOf(local, '/')).toBe(200)
})

test('an application that throws when it cannot upgrade gets the same 503', async () => {
  await using local = await LocalWorker.serve({
    fetch: ((request: Request, { upgrade }: RequestContext): Response | Promise<Response> | undefined => {
      if (!upgrade(request)) throw new Error('no upgrade')
      return undefined
    }) as Handler,
    websocket: { message() {} },
    maxLongLived: 1,
  })
  await openSocket(local)
  expect((await openSocket(local)).status).toBe('503')
})

test('limits below one are refused by name', () => {
  expect(() => createWorker({ fetch: () => new Response(), maxLongLived: 0 })).toThrow(
    'maxLongLived is 0, expected a whole number of at least 1',
  )
  expect(() => createWorker({ fetch: () => new Response(), maxLongLivedPerAddress: 1.5 })).toThrow(
    'maxLongLivedPerAddress is 1.5, expected a whole number of at least 1',
  )
})

test('a gate counts each of them once, however often its end is reported', () => {
  const gate = new LongLivedGate({ limit: 1, limitPerAddress: 1, log: () => {} })
  const end = gate.begin('192.0.2.1')
  expect(gate.admits('192.0.2.2')).toBe(false)
  end()
  end()
  const other = gate.begin('192.0.2.1')
  expect(gate.admits(undefined)).toBe(false)
  other()
  expect(gate.admits('192.0.2.1')).toBe(true)
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:DB8::1', '2001:db8:0:0::/64'],
  ['2001:0db8:0:0:ffff:1:2:3', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('%s is a client of %s', (address, network) => {
  expect(clientNetwork(address)).toBe(network)
})
