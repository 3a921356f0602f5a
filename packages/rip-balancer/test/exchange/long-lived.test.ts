import { describe, expect, test } from 'bun:test'
import type { Forwarding } from '../../src/settings/forwarding.ts'
import { OK, RawBackend, RawClient, TestBalancer, answering, eventually, type Script } from './data-plane.ts'

const UPGRADE = 'GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const GET = 'GET /events HTTP/1.1\r\nHost: h\r\n\r\n'
const EVENTS =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n: hi\n\n\r\n'
const PLAIN = 'GET /plain HTTP/1.1\r\nHost: h\r\n\r\n'
const LAST_CHUNK = '0\r\n\r\n'
const trusting: Forwarding = {
  trustedProxies: { has: (address) => address === '127.0.0.1' },
  forwarded: false,
  via: undefined,
  acceptRequestId: false,
  exposeRequestId: true,
  requestTrailers: false,
  clientFields: new Set(),
  underscores: 'drop',
}

/** Answers with a WebSocket, an event stream or a plain response, depending on the path. */
const lasting: Script = (socket, received) => {
  if (received.endsWith('bye')) socket.end()
  else if (isFor('/plain', received)) socket.write(OK)
  else socket.write(isFor('/ws', received) ? SWITCHING : EVENTS)
}

/** Whether the last request is for that path. */
const isFor = (path: string, received: string): boolean =>
  received.split('\r\n\r\n').at(-2)?.startsWith(`GET ${path} `) === true

const answerWith = (fields: string, body: string): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`

const from = (client: string): string => GET.replace('\r\n\r\n', `\r\nX-Forwarded-For: ${client}\r\n\r\n`)

describe('a slot of a backend', () => {
  test.each([
    ['a tunnel', UPGRADE, SWITCHING],
    ['an event stream', GET, EVENTS],
    ['an event stream in chunks of which none has come', GET, EVENTS.split('6\r\n')[0]!],
    [
      'an event stream that ends with its connection',
      GET,
      answerWith('Content-Type: text/event-stream\r\n', ''),
    ],
    [
      'an event stream whose type is written in another way',
      GET,
      EVENTS.replace('text/event-stream', 'Text/Event-Stream ; charset=utf-8'),
    ],
  ])(
    'is given back at the head of %s, which is let go of once, when it ends',
    async (_what, request, answer) => {
      await using backend = await RawBackend.start(answering(answer))
      await using balancer = await TestBalancer.start([backend.path])
      const { claims } = balancer
      using client = await RawClient.connect(balancer.port)
      await client.send(request).untilText('\r\n\r\n')
      expect([claims.inFlight, claims.held, claims.outcomes]).toEqual([0, 1, []])
      for (const socket of backend.sockets) socket.destroy()
      await eventually(() => balancer.ended.length === 1)
      expect([claims.inFlight, claims.held, claims.outcomes.length]).toEqual([0, 0, 1])
    },
  )

  test.each([
    [
      'a download that says it is an event stream',
      'Content-Type: text/event-stream\r\nContent-Length: 9\r\n',
    ],
    ['a type that begins alike', 'Content-Type: text/event-streams\r\nTransfer-Encoding: chunked\r\n'],
    ['a type that has it as a parameter', 'Content-Type: text/plain; of=text/event-stream\r\n'],
    ['another stream without an end', 'Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n'],
    ['an answer without a type', 'Transfer-Encoding: chunked\r\n'],
  ])('is kept by %s, whatever the client asked for', async (_what, fields) => {
    await using backend = await RawBackend.start(answering(answerWith(fields, '')))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send('GET / HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n').untilText('\r\n\r\n')
    expect([balancer.claims.inFlight, balancer.claims.held]).toEqual([1, 0])
  })

  test('is kept until the head of the answer comes, as in a long poll', async () => {
    await using backend = await RawBackend.start(() => {})
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send(GET.replace('\r\n\r\n', '\r\nAccept: text/event-stream\r\n\r\n'))
    await eventually(() => backend.all.includes('GET /events'))
    expect([balancer.claims.inFlight, balancer.claims.held]).toEqual([1, 0])
  })

  test('is given back at the end when an upgrade is declined, or requested with HEAD', async () => {
    const toHead = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
    await using backend = await RawBackend.start((socket, received) => {
      socket.write(received.includes('HEAD /') ? toHead : OK)
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(UPGRADE).untilText('ok')
    await client.send('HEAD /events HTTP/1.1\r\nHost: h\r\n\r\n').untilText('event-stream')
    await eventually(() => balancer.ended.length === 2)
    expect([balancer.claims.held, balancer.claims.outcomes]).toEqual([0, ['ok', 'ok']])
  })
})

describe('an event stream', () => {
  test('that ends keeps both connections for the next request', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      socket.write(received.includes('/events') ? EVENTS + LAST_CHUNK : OK)
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText(LAST_CHUNK)
    await eventually(() => balancer.ended.length === 1)
    expect(balancer.ended).toMatchObject([{ status: 200, cause: 'completed' }])
    expect([balancer.claims.held, balancer.claims.outcomes]).toEqual([0, ['ok']])
  })

  test('that breaks off counts as a failure of its backend, one that is silent for too long does not', async () => {
    await using backend = await RawBackend.start(lasting)
    await using balancer = await TestBalancer.start([backend.path], { timeouts: { responseIdleMs: 150 } })
    using broken = await RawClient.connect(balancer.port)
    await broken.send(GET).untilText(': hi')
    for (const socket of backend.sockets) socket.destroy()
    await broken.untilEnd()
    using silent = await RawClient.connect(balancer.port)
    await silent.send(GET).untilText(': hi')
    await silent.untilEnd()
    expect([balancer.claims.held, balancer.claims.outcomes]).toEqual([0, ['reset', 'ok']])
    expect(balancer.ended.map(({ cause }) => cause)).toEqual(['backend-reset', 'response-timeout'])
  })
})

test('an event stream whose client does not read is not buffered, even when backends are scarce', async () => {
  const bytes = 12_000_000
  const whole = `${EVENTS}${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n${LAST_CHUNK}`
  await using backend = await RawBackend.start(answering(whole))
  await using balancer = await TestBalancer.start([backend.path], {
    limits: { maxResponseBufferBytes: bytes },
    timeouts: { writeIdleMs: 300 },
  })
  balancer.claims.isPressed = true
  using client = await RawClient.connect(balancer.port)
  client.socket.pause()
  client.send(GET)
  await eventually(() => balancer.ended.length === 1)
  expect(balancer.ended).toMatchObject([{ cause: 'client-timeout' }])
  expect([balancer.claims.held, balancer.claims.outcomes]).toEqual([0, ['client-gone']])
})

describe('tunnels and event streams beyond a limit', () => {
  test.each([
    ['a tunnel', UPGRADE],
    ['an event stream', GET],
  ])(
    'of the backend: %s is answered with 503, and the connection to the backend is closed',
    async (_what, request) => {
      await using backend = await RawBackend.start(lasting)
      await using balancer = await TestBalancer.start([backend.path])
      balancer.claims.maxHeld = 0
      using client = await RawClient.connect(balancer.port)
      await client.send(request).untilText('HTTP/1.1 503 ')
      expect(client.received).toContain('Retry-After: 1\r\n')
      await eventually(() => balancer.ended.length === 1 && backend.sockets.size === 0)
      expect(balancer.ended).toMatchObject([{ status: 503, cause: 'long-lived-backend' }])
      expect([balancer.claims.inFlight, balancer.claims.held, balancer.claims.outcomes]).toEqual([
        0,
        0,
        ['ok'],
      ])
      expect(balancer.faults).toEqual([])
    },
  )

  test('of the client: one more is answered with 503 until one of them has ended; requests are not affected', async () => {
    await using backend = await RawBackend.start(lasting)
    await using balancer = await TestBalancer.start([backend.path], { limits: { maxLongLivedPerAddress: 2 } })
    using tunnel = await RawClient.connect(balancer.port)
    using stream = await RawClient.connect(balancer.port)
    await tunnel.send(UPGRADE).untilText('101')
    await stream.send(GET).untilText(': hi')
    using third = await RawClient.connect(balancer.port)
    await third.send(UPGRADE).untilText('HTTP/1.1 503 ')
    expect(backend.all.split('GET /ws')).toHaveLength(2)
    using fourth = await RawClient.connect(balancer.port)
    await fourth.send(GET).untilText('HTTP/1.1 503 ')
    await eventually(() => balancer.ended.length === 2)
    expect(balancer.ended.map(({ cause }) => cause)).toEqual(['long-lived-address', 'long-lived-address'])
    using plain = await RawClient.connect(balancer.port)
    await plain.send(PLAIN).untilText('ok')
    await tunnel.send('bye').untilEnd()
    tunnel.socket.end()
    await eventually(() => balancer.claims.held === 1)
    using fifth = await RawClient.connect(balancer.port)
    await fifth.send(UPGRADE).untilText('101')
  })

  test('of the balancer: a tenth of its connections is left for requests', async () => {
    await using backend = await RawBackend.start(lasting)
    await using balancer = await TestBalancer.start([backend.path], { limits: { maxConnections: 10 } })
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.connect(balancer.port)))
    const last = clients.pop()!
    for (const client of clients) await client.send(UPGRADE).untilText('101')
    await last.send(UPGRADE).untilText('HTTP/1.1 503 ')
    await last.send(PLAIN).untilText('\r\n\r\nok')
    expect(balancer.ended[0]).toMatchObject({ status: 503, cause: 'long-lived-total' })
    for (const client of [...clients, last]) client[Symbol.dispose]()
  })

  test('of the balancer: idle connections give way at once, however many long-lived ones there are', async () => {
    await using backend = await RawBackend.start(lasting)
    await using balancer = await TestBalancer.start([backend.path], {
      limits: { maxConnections: 200, maxConnectionsPerAddress: 200 },
    })
    const clients = await Promise.all(Array.from({ length: 200 }, () => RawClient.connect(balancer.port)))
    const idle = clients.splice(90, 20)
    await Promise.all(clients.map((client) => client.send(UPGRADE).untilText('101')))
    await Promise.all(idle.map((client) => client.send(PLAIN).untilText('\r\n\r\nok')))
    const idleFrom = performance.now()
    // An idle connection is left alone for a second.
    await eventually(() => performance.now() - idleFrom > 1_100)
    const late = await Promise.all(Array.from({ length: 10 }, () => RawClient.connect(balancer.port)))
    await Promise.all(late.map((client) => client.send(PLAIN).untilText('\r\n\r\nok')))
    expect(balancer.events.filter((event) => event === 'gave-way')).toHaveLength(10)
    expect(balancer.events).not.toContain('refused-total')
    for (const client of [...clients, ...idle, ...late]) client[Symbol.dispose]()
  })

  test('of the client: clients behind a trusted proxy are told apart, and the proxy itself is not counted', async () => {
    await using backend = await RawBackend.start(lasting)
    await using balancer = await TestBalancer.start([backend.path], {
      limits: { maxLongLivedPerAddress: 1 },
      settings: { forwarding: trusting },
    })
    const statusOf = async (request: string): Promise<string> => {
      const client = await RawClient.connect(balancer.port)
      await client.send(request).untilText('\r\n\r\n')
      return client.received.slice(9, 12)
    }
    expect(await statusOf(from('192.0.2.1'))).toBe('200')
    expect(await statusOf(from('192.0.2.2'))).toBe('200')
    expect(await statusOf(from('192.0.2.1'))).toBe('503')
    expect(await statusOf(from('2001:db8::1'))).toBe('200')
    expect(await statusOf(from('2001:db8::2'))).toBe('503')
    expect([await statusOf(GET), await statusOf(GET)]).toEqual(['200', '200'])
  })
})
