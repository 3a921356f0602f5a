import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { until } from '@rip/testing'
import { createWorker, type RequestContext } from '../src/index.ts'
import { barrier, Folder, LocalWorker, RawConnection, streamOf } from './helpers.ts'

describe('in flight until the last byte', () => {
  const bodies: readonly [string, (gate: Promise<void>) => ReadableStream][] = [
    ['a stream', (gate) => streamOf(late(gate))],
    ['an async generator', (gate) => late(gate) as unknown as ReadableStream],
  ]

  async function* late(gate: Promise<void>): AsyncGenerator<string> {
    yield 'first '
    await gate
    yield 'last'
  }

  test.each(bodies)('%s counts while it is being sent, and a drain waits for it', async (_, body) => {
    const gate = barrier()
    await using local = await LocalWorker.serve({ fetch: () => new Response(body(gate.passed)) })
    const response = await local.fetch('/')
    expect(local.worker.stats.inFlight).toBe(1)
    const closed = local.worker.close({ timeoutMs: 5000 })
    await Bun.sleep(30)
    expect(local.worker.state).toBe('draining')
    gate.open()
    expect(await response.text()).toBe('first last')
    expect(await closed).toEqual({ abandoned: 0 })
  })

  test('a large body counts until a slow client has taken it', async () => {
    const body = 'x'.repeat(16_000_000)
    await using local = await LocalWorker.serve({ fetch: () => new Response(body) })
    using connection = await RawConnection.to(local.socket)
    connection.get('/')
    await until('bytes arrive', () => connection.received.length > 0)
    connection.pause()
    const closed = local.worker.close({ timeoutMs: 5000 })
    await Bun.sleep(50)
    expect(local.worker.stats.inFlight).toBe(1)
    connection.resume()
    expect(await closed).toEqual({ abandoned: 0 })
    await until('all has arrived', () => connection.received.length > body.length)
    expect(connection.received.endsWith('xxx')).toBe(true)
  })

  test('a producer is pulled only as fast as its client reads', async () => {
    let produced = 0
    await using local = await LocalWorker.serve({
      fetch: () => {
        const chunk = 'data: '.padEnd(65_534, '.') + '\n\n'
        return new Response(
          streamOf(
            (function* () {
              for (;;) {
                produced++
                yield chunk
              }
            })(),
          ),
          { headers: { 'content-type': 'text/event-stream' } },
        )
      },
    })
    using connection = await RawConnection.to(local.socket)
    connection.get('/')
    await until('bytes arrive', () => connection.received.length > 0)
    connection.pause()
    let [seen, since] = [produced, performance.now()]
    await until('the producer stands still', () => {
      if (produced !== seen) [seen, since] = [produced, performance.now()]
      return performance.now() - since > 100
    })
    expect(produced).toBeLessThan(500)
  })
})

describe('a drain', () => {
  test('finishes requests, sends Connection: close, and closes idle connections', async () => {
    const gate = barrier()
    await using local = await LocalWorker.serve({
      fetch: async ({ url }) => {
        if (url.endsWith('/slow')) await gate.passed
        return new Response('done')
      },
    })
    using idle = await RawConnection.to(local.socket)
    using slow = await RawConnection.to(local.socket)
    idle.get('/')
    await until('the first is answered', () => idle.received.endsWith('done'))
    expect(idle.received.toLowerCase()).not.toContain('connection: close')
    slow.get('/slow')
    await until('the second runs', () => local.worker.stats.inFlight === 1)
    const closed = local.worker.close()
    await until('the idle connection is closed', () => idle.closed)
    gate.open()
    expect(await closed).toEqual({ abandoned: 0 })
    await until('the answer is complete', () => slow.closed)
    expect(slow.received.toLowerCase()).toContain('\r\nconnection: close\r\n')
    expect(slow.received).toEndWith('done')
    expect(existsSync(local.socket)).toBe(false)
  })

  test('adds Connection: close to responses whose fields are immutable, and keeps all other fields', async () => {
    const gate = barrier()
    await using local = await LocalWorker.serve({
      fetch: async () => {
        await gate.passed
        return Response.redirect('http://elsewhere.test/', 303)
      },
    })
    const response = local.fetch('/')
    await until('it runs', () => local.worker.stats.inFlight === 1)
    const closed = local.worker.close()
    gate.open()
    const { status, headers } = await response
    expect([status, headers.get('location'), headers.get('connection')]).toEqual([
      303,
      'http://elsewhere.test/',
      'close',
    ])
    await closed
  })

  test('cuts off, counts and names requests that are not done at the deadline', async () => {
    await using local = await LocalWorker.serve({ fetch: () => new Promise<Response>(() => {}) })
    using first = await RawConnection.to(local.socket)
    using second = await RawConnection.to(local.socket)
    first.get('/a?b=c')
    await until('one runs', () => local.worker.stats.inFlight === 1)
    second.get('/d')
    await until('both run', () => local.worker.stats.inFlight === 2)
    expect(await local.worker.close({ timeoutMs: 40 })).toEqual({ abandoned: 2 })
    await until('both are closed', () => first.closed && second.closed)
    expect(local.log).toEqual(['cut off at the deadline: GET /a?b=c', 'cut off at the deadline: GET /d'])
  })

  test('ends although a request it cuts off has an invalid target or host', async () => {
    await using local = await LocalWorker.serve({ fetch: () => new Promise<Response>(() => {}) })
    using first = await RawConnection.to(local.socket)
    using second = await RawConnection.to(local.socket)
    first.write('GET /x?y HTTP/1.0\r\n\r\n')
    await until('one runs', () => local.worker.stats.inFlight === 1)
    second.write('GET /z HTTP/1.1\r\nHost: :a:\r\n\r\n')
    await until('both run', () => local.worker.stats.inFlight === 2)
    expect(await local.worker.close({ timeoutMs: 0 })).toEqual({ abandoned: 2 })
    expect(local.log).toEqual(['cut off at the deadline: GET /x?y', 'cut off at the deadline: GET /z'])
  })

  test('does not name requests whose clients have left', async () => {
    await using local = await LocalWorker.serve({ fetch: () => new Promise<Response>(() => {}) })
    const connection = await RawConnection.to(local.socket)
    connection.get('/left')
    await until('it runs', () => local.worker.stats.inFlight === 1)
    connection[Symbol.dispose]()
    await until('it has left', () => local.worker.stats.inFlight === 0)
    expect(await local.worker.close()).toEqual({ abandoned: 0 })
    expect(local.log).toEqual([])
  })

  test('names the first ten of many', async () => {
    await using local = await LocalWorker.serve({ fetch: () => new Promise<Response>(() => {}) })
    for (let n = 0; n < 12; n++) void local.worker.inject(new Request(`http://x/${n}`))
    await local.worker.close({ timeoutMs: 0 })
    expect(local.log).toHaveLength(11)
    expect(local.log.at(-1)).toBe('cut off at the deadline: 2 more requests')
  })

  test('a signal ends the wait before the deadline', async () => {
    await using local = await LocalWorker.serve({ fetch: () => new Promise<Response>(() => {}) })
    using connection = await RawConnection.to(local.socket)
    connection.get('/')
    await until('it runs', () => local.worker.stats.inFlight === 1)
    expect(await local.worker.close({ signal: AbortSignal.abort() })).toEqual({ abandoned: 1 })
  })

  test('ends event streams at the deadline with a proper last chunk, which is no failure', async () => {
    let cancelled = false
    async function* ticks(): AsyncGenerator<string> {
      for (;;) {
        yield 'data: tick\n\n'
        await Bun.sleep(10)
      }
    }
    await using local = await LocalWorker.serve({
      fetch: () =>
        new Response(
          streamOf(ticks(), () => (cancelled = true)),
          { headers: { 'content-type': 'text/event-stream' } },
        ),
    })
    using connection = await RawConnection.to(local.socket)
    connection.get('/')
    await until('events arrive', () => connection.received.includes('tick'))
    expect(local.worker.stats.eventStreams).toBe(1)
    expect(await local.worker.close({ timeoutMs: 50 })).toEqual({ abandoned: 0 })
    await until('it is closed', () => connection.closed)
    expect(connection.received).toEndWith('0\r\n\r\n')
    expect(cancelled).toBe(true)
  })

  test('in development ends event streams at once, and soon after WebSockets of clients that do not answer', async () => {
    const events = { headers: { 'content-type': 'text/event-stream' } }
    async function* endless(): AsyncGenerator<string> {
      for (;;) {
        yield 'data: tick\n\n'
        await Bun.sleep(10)
      }
    }
    await using local = await LocalWorker.serve({
      mode: 'development',
      websocket: { message() {} },
      fetch: ((request: Request, context: RequestContext) =>
        context.upgrade(request, { data: {} })
          ? undefined
          : new Response(streamOf(endless()), events)) as () => Response,
    })
    using stream = await RawConnection.to(local.socket)
    stream.get('/')
    using socket = await RawConnection.to(local.socket)
    socket.get('/', [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ])
    await until('both are open', () => {
      const { eventStreams, webSockets } = local.worker.stats
      return eventStreams === 1 && webSockets === 1
    })
    const startedAt = performance.now()
    const closed = local.worker.close({ timeoutMs: 30_000 })
    await until('the stream is over', () => stream.received.endsWith('0\r\n\r\n'))
    expect(await closed).toEqual({ abandoned: 0 })
    expect(performance.now() - startedAt).toBeLessThan(10_000)
  })

  test('then runs onDrain, once, with a signal, and survives its failure', async () => {
    const calls: boolean[] = []
    await using local = await LocalWorker.serve({
      fetch: () => new Response(),
      onDrain: ({ signal }) => {
        calls.push(signal.aborted)
        throw new Error('flush failed')
      },
    })
    const [first, second] = [local.worker.close(), local.worker.close()]
    expect(first).toBe(second)
    await first
    expect(calls).toEqual([false])
    expect(local.log[0]).toContain('flush failed')
    expect(await local.worker.closed).toEqual({ abandoned: 0 })
    expect(local.worker.state).toBe('closed')
  })

  test('aborts an onDrain that never ends, and no longer waits for it', async () => {
    const told = barrier()
    await using local = await LocalWorker.serve({
      fetch: () => new Response(),
      onDrain: ({ signal }) => {
        signal.addEventListener('abort', told.open)
        return new Promise(() => {})
      },
    })
    expect(await local.worker.close({ timeoutMs: 0 })).toEqual({ abandoned: 0 })
    await told.passed
  })

  test('closing while onReady still runs ends the start without a ready worker', async () => {
    using folder = new Folder()
    const gate = barrier()
    const worker = createWorker({
      fetch: () => new Response(),
      listen: folder.file('s'),
      onReady: () => gate.passed,
    })
    const started = worker.start()
    await until('it listens', () => existsSync(folder.file('s')))
    await worker.close()
    gate.open()
    await started
    expect(worker.state).toBe('closed')
    expect(existsSync(folder.file('s'))).toBe(false)
  })
})
