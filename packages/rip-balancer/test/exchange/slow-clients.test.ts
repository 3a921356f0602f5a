import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { SlowClient } from '../../src/exchange/slow-clients.ts'
import { InProcess, timelessSettings } from './in-process.ts'
import {
  OK,
  RawBackend,
  RawClient,
  TestBalancer,
  answering,
  eventually,
  type Overrides,
} from './data-plane.ts'

// Clients are judged in windows of seconds.
setDefaultTimeout(15_000)

/** Starts a balancer whose backends are almost all in use. */
async function pressed(backend: RawBackend, overrides?: Overrides): Promise<TestBalancer> {
  const balancer = await TestBalancer.start([backend.path], overrides)
  balancer.claims.isPressed = true
  return balancer
}

/** Answers when the request ends with this text. */
const answeringAfter =
  (end: string, response = OK) =>
  (socket: { write(text: string): void }, received: string): void =>
    void (received.endsWith(end) && socket.write(response))

const forwarding = { ...timelessSettings().forwarding, requestTrailers: true }
const POST = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n'

describe('while backends are scarce, an upload', () => {
  test('takes its slot when it is complete', async () => {
    await using backend = await RawBackend.start(answeringAfter('0123456789'))
    await using balancer = await pressed(backend)
    using client = await RawClient.connect(balancer.port)
    client.send(`${POST}01234`)
    await eventually(() => balancer.plane.buffers.usedBytes === 10)
    expect(balancer.claims.inFlight).toBe(0)
    client.send('56789')
    await client.untilText('ok')
    expect(backend.all).toEndWith('\r\n\r\n0123456789')
    expect(balancer.plane.buffers.usedBytes).toBe(0)
    client.send(`${POST}0123456789`)
    await eventually(() => balancer.ended.length === 2)
    expect(balancer.ended).toMatchObject([{ bytesReceived: 10 }, { bytesReceived: 10, status: 200 }])
  })

  test('takes its slot earlier when it does not fit into its buffer', async () => {
    await using backend = await RawBackend.start(answeringAfter('0123456789'))
    await using balancer = await pressed(backend, { limits: { maxRequestBufferBytes: 4 } })
    using client = await RawClient.connect(balancer.port)
    client.send(`${POST}012`)
    await eventually(() => balancer.plane.buffers.usedBytes === 4)
    expect(balancer.claims.inFlight).toBe(0)
    client.send('34567')
    await eventually(() => backend.all.endsWith('01234567'))
    expect(balancer.claims.inFlight).toBe(1)
    client.send('89')
    await client.untilText('ok')
  })

  test('takes its slot at once when all buffers together are used up', async () => {
    await using backend = await RawBackend.start(answeringAfter('0123456789'))
    await using balancer = await pressed(backend, { limits: { maxBufferedBytes: 9 } })
    using client = await RawClient.connect(balancer.port)
    client.send(POST)
    await eventually(() => balancer.claims.inFlight === 1)
    client.send('0123456789')
    await client.untilText('ok')
  })

  test('arrives unchanged in any pieces, trailers included', async () => {
    const body = '3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n'
    const request = `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n${body}`
    await using backend = await RawBackend.start(answeringAfter('X-Sum: 1\r\n\r\n'))
    await using balancer = await pressed(backend, { settings: { forwarding } })
    using client = await RawClient.connect(balancer.port)
    for (let at = 0; at < request.length; at++) {
      client.send(request.slice(at, at + 1))
      await new Promise(setImmediate)
    }
    await client.untilText('ok')
    expect(dechunked(backend.all)).toBe('abc0123456789')
  })

  test('that waits for 100 Continue gets it from the balancer, once', async () => {
    const script = answeringAfter('0123456789', `HTTP/1.1 100 Continue\r\n\r\n${OK}`)
    await using backend = await RawBackend.start(script)
    await using balancer = await pressed(backend)
    using client = await RawClient.connect(balancer.port)
    client.send('POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n')
    await client.untilText('HTTP/1.1 100 Continue\r\n\r\n')
    expect(balancer.claims.inFlight).toBe(0)
    client.send('0123456789')
    await client.untilText('ok')
    expect(client.received.split('100 Continue')).toHaveLength(2)
  })

  test('that stops is answered with 408 and never reaches a backend', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await pressed(backend, { timeouts: { bodyIdleMs: 200 } })
    using client = await RawClient.connect(balancer.port)
    client.send(`${POST}01234`)
    expect(await client.untilEnd()).toStartWith('HTTP/1.1 408')
    expect(balancer.ended).toMatchObject([{ cause: 'client-timeout', status: 408 }])
    expect(balancer.claims.outcomes).toEqual([])
    expect(balancer.plane.buffers.usedBytes).toBe(0)
  })

  test('that breaks off leaves nothing behind', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await pressed(backend)
    using gone = await RawClient.connect(balancer.port)
    gone.send(`${POST}01234`)
    await eventually(() => balancer.plane.buffers.usedBytes === 10)
    gone.socket.resetAndDestroy()
    await eventually(() => balancer.ended.length === 1)
    using short = await RawClient.connect(balancer.port)
    short.send(`${POST}01234`).socket.end()
    expect(await short.untilEnd()).toStartWith('HTTP/1.1 400')
    expect(balancer.ended).toMatchObject([{ cause: 'client-gone' }, { cause: 'bad-request' }])
    expect(balancer.plane.buffers.usedBytes).toBe(0)
    expect(backend.all).toBe('')
  })
})

test('while backends are not scarce, an upload streams from its head on', async () => {
  await using backend = await RawBackend.start(answeringAfter('0123456789'))
  await using balancer = await TestBalancer.start([backend.path])
  using client = await RawClient.connect(balancer.port)
  client.send(`${POST}01234`)
  await eventually(() => backend.all.endsWith('01234'))
  client.send('56789')
  await client.untilText('ok')
})

/** Beyond what the kernel takes for a reader that does not read. */
const LARGE_BYTES = 12_000_000
const LARGE = `HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n${'x'.repeat(LARGE_BYTES)}`
const LARGE_CHUNK = `${LARGE_BYTES.toString(16)}\r\n${'x'.repeat(LARGE_BYTES)}\r\n0\r\n\r\n`
const LARGE_CHUNKED = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${LARGE_CHUNK}`
const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'

describe('a response to a slow reader', () => {
  test('frees its backend while it waits, when backends are scarce', async () => {
    await using backend = await RawBackend.start(answering(LARGE))
    await using balancer = await pressed(backend, { limits: { maxResponseBufferBytes: LARGE_BYTES } })
    using client = await RawClient.connect(balancer.port)
    client.socket.pause()
    client.send(GET)
    await eventually(() => balancer.claims.outcomes.length === 1)
    expect(balancer.ended).toEqual([])
    expect(balancer.plane.buffers.usedBytes).toBeGreaterThan(0)
    client.socket.resume()
    await eventually(() => client.received.length > LARGE_BYTES)
    expect(balancer.ended).toMatchObject([{ cause: 'completed' }])
    expect(balancer.plane.buffers.usedBytes).toBe(0)
  })

  test('is held back when they are not scarce, and buffered when they become scarce', async () => {
    await using backend = await RawBackend.start(answering(LARGE))
    await using balancer = await TestBalancer.start([backend.path], {
      limits: { maxResponseBufferBytes: LARGE_BYTES },
    })
    using client = await RawClient.connect(balancer.port)
    client.socket.pause()
    client.send(GET)
    await eventually(() => balancer.claims.inFlight === 1)
    // Long enough for it to be released.
    await Bun.sleep(300)
    expect(balancer.claims.inFlight).toBe(1)
    expect(balancer.plane.buffers.usedBytes).toBe(0)
    balancer.claims.isPressed = true
    await eventually(() => balancer.claims.inFlight === 0)
  })

  test.each(['goes on', 'leaves'])('is held up for its backend until the reader %s', async (how) => {
    await using backend = await RawBackend.start(answering(LARGE))
    await using balancer = await TestBalancer.start([backend.path])
    let heldUp = 0
    balancer.plane.upstreams.holdUp = (_, change) => void (heldUp += change)
    using client = await RawClient.connect(balancer.port)
    client.socket.pause()
    client.send(GET)
    await eventually(() => heldUp === 1)
    if (how === 'leaves') client.socket.destroy()
    else client.socket.resume()
    await eventually(() => balancer.claims.inFlight === 0)
    expect(heldUp).toBe(0)
  })

  test('is not buffered when the rest of it does not fit', async () => {
    await using backend = await RawBackend.start(answering(LARGE))
    await using balancer = await pressed(backend)
    using client = await RawClient.connect(balancer.port)
    client.socket.pause()
    client.send(GET)
    await eventually(() => balancer.claims.inFlight === 1)
    // Long enough for a megabyte to be buffered.
    await Bun.sleep(300)
    expect(balancer.plane.buffers.usedBytes).toBe(0)
    client.socket.resume()
    await eventually(() => client.received.length > LARGE_BYTES)
  })

  for (const [bound, limits] of [
    ['stays within its buffer', { maxResponseBufferBytes: 100_000 }],
    [
      'stays within all buffers together',
      { maxResponseBufferBytes: 2 * LARGE_BYTES, maxBufferedBytes: 100_000 },
    ],
  ] as const)
    test(bound, async () => {
      await using backend = await RawBackend.start(answering(LARGE_CHUNKED))
      let slow: SlowClient | undefined
      await using balancer = await pressed(backend, { limits })
      balancer.plane.slowClients.watch = (client) => void (slow = client)
      using client = await RawClient.connect(balancer.port)
      client.socket.pause()
      client.send(GET)
      // Without a bound everything is read from the backend, which then does not wait.
      await eventually(() => slow?.keepsBackend === true)
      expect(balancer.claims.inFlight).toBe(1)
      expect(balancer.plane.buffers.usedBytes).toBeLessThanOrEqual(100_000)
      client.socket.resume()
      await eventually(() => client.received.length > LARGE_BYTES)
    })

  describe('for which the kernel takes no more bytes', () => {
    const { timeouts, limits, ...settings } = timelessSettings()
    const slow = (writeIdleMs = 700, queued = 1): InProcess => {
      const exchange = new InProcess(
        {
          ...settings,
          timeouts: { ...timeouts, writeIdleMs },
          limits: { ...limits, minResponseBytesPerSecond: 512 },
        },
        queued,
      )
      exchange.client.roomBytes = 1_000
      exchange.send(Buffer.from(GET))
      exchange.answer(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n${'x'.repeat(2_000)}`))
      expect(exchange.client.roomBytes).toBe(0)
      return exchange
    }

    for (const [queued, limitMs] of [
      [0, 10_000],
      [1, 5_000],
    ] as const)
      test(`is cut when the reader drips for ${limitMs} ms while ${queued} wait for its slot`, () => {
        const exchange = slow(Number.POSITIVE_INFINITY, queued)
        const begun = exchange.nowMs
        let elapsedMs = 0
        while (exchange.client.state === 'open' && elapsedMs < 20_000)
          exchange.tick(begun + (elapsedMs += 100), Math.floor(elapsedMs / 1_000))
        // The wait counts from the first tick on; fractions of milliseconds may add another tick.
        expect([limitMs + 100, limitMs + 200]).toContain(elapsedMs)
        expect(exchange.inFlight).toBe(0)
      })

    test('goes on while the reader acknowledges bytes', () => {
      const exchange = slow()
      const begun = exchange.nowMs
      for (let tick = 1; tick <= 600; tick++) exchange.tick(begun + tick * 100, Math.floor(tick / 5) * 300)
      expect(exchange.client.state).toBe('open')
    })

    test('goes on when the reader kept up before, even with much to acknowledge', () => {
      const exchange = new InProcess({
        ...settings,
        timeouts,
        limits: { ...limits, minResponseBytesPerSecond: 512 },
      })
      exchange.client.roomBytes = 2_000_000
      exchange.send(Buffer.from(GET))
      const head = 'HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n'
      exchange.answer(Buffer.from(head + 'x'.repeat(1_900_000)))
      const begun = exchange.nowMs
      exchange.tick(begun + 100, 0)
      exchange.answer(Buffer.alloc(1_100_000))
      for (let tick = 2; tick <= 300; tick++) exchange.tick(begun + tick * 100, tick * 5_000)
      expect(exchange.client.state).toBe('open')
    })

    test('is cut when the reader acknowledges no bytes', () => {
      const exchange = slow()
      const begun = exchange.nowMs
      for (let tick = 1; tick <= 6; tick++) exchange.tick(begun + tick * 100, 0)
      expect(exchange.client.state).toBe('open')
      exchange.tick(begun + 800, 0)
      expect(exchange.client.state).toBe('terminated')
    })
  })

  test.concurrent('is never cut because the backend sends slowly', async () => {
    await using backend = await RawBackend.start((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')
      const timer = setInterval(() => socket.write('data: tick\n\n'), 1_000)
      socket.on('close', () => clearInterval(timer))
    })
    const limits = { minResponseBytesPerSecond: 1_000_000 }
    await using balancer = await TestBalancer.start([backend.path], {
      limits,
      timeouts: { writeIdleMs: 500 },
    })
    balancer.claims.queued = 1
    using client = await RawClient.connect(balancer.port)
    client.send(GET)
    await client.until((received) => received.split('tick').length > 5, 8_000)
    expect(balancer.ended).toEqual([])
  })
})

/** Body of a chunked request. */
function dechunked(request: string): string {
  let body = ''
  for (let at = request.indexOf('\r\n\r\n') + 4; ;) {
    const lineEnd = request.indexOf('\r\n', at)
    const size = Number.parseInt(request.slice(at, lineEnd), 16)
    if (size === 0) return body
    body += request.slice(lineEnd + 2, lineEnd + 2 + size)
    at = lineEnd + 2 + size + 2
  }
}
