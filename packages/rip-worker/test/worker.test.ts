import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { until } from '@rip/testing'
import { createWorker, serveWorker, WorkerError, type RequestContext } from '../src/index.ts'
import { fetchUnix, Folder, LocalWorker, RawConnection } from './helpers.ts'

/** A promise that the test resolves, and the number of waiting callers. */
function barrier(): { readonly passed: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { passed: promise, open: resolve }
}

function streamOf(
  chunks: AsyncIterable<string> | Iterable<string>,
  cancelled: () => void = () => {},
): ReadableStream {
  const encoder = new TextEncoder()
  const source = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next()
      if (done) return controller.close()
      controller.enqueue(encoder.encode(value))
    },
    cancel: cancelled,
  })
}

describe('serving', () => {
  test('answers over its socket and reports where it listens', async () => {
    await using local = await LocalWorker.serve({
      fetch: (request) => new Response(new URL(request.url).pathname),
    })
    expect(await (await local.fetch('/hello')).text()).toBe('/hello')
    expect(local.worker.url).toBe(`unix:${local.socket}`)
    expect(local.worker.state).toBe('ready')
  })

  test('listens on TCP, and on any free port for port 0', async () => {
    await using worker = await serveWorker({
      fetch: () => new Response('tcp'),
      listen: { port: 0, hostname: '127.0.0.1' },
    })
    expect(worker.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(await (await fetch(worker.url)).text()).toBe('tcp')
  })

  test('in development on TCP code is shown to requests for this machine, not to a page of another site', async () => {
    const listen = { port: 0, hostname: '127.0.0.1' }
    const fails = (): never => {
      throw new Error('my secret source')
    }
    await using worker = await serveWorker({ fetch: fails, listen, mode: 'development', log: () => {} })
    const showsCode = async (host: string): Promise<boolean> =>
      (await (await fetch(worker.url, { headers: { host, accept: 'text/html' } })).text()).includes(
        'secret source',
      )
    for (const host of ['127.0.0.1', 'localhost:3000', 'app.localhost', '[::1]:3000'])
      expect([host, await showsCode(host)]).toEqual([host, true])
    for (const host of ['evil.example', 'localhost.evil.example:80', '127.0.0.1.evil.example'])
      expect([host, await showsCode(host)]).toEqual([host, false])
  })

  test('a socket left behind by a killed process is taken over; one in use and other files are not', async () => {
    using folder = new Folder()
    const path = folder.file('s.sock')
    const listen = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); process.kill(process.pid, 'SIGKILL')`
    Bun.spawnSync([process.execPath, '-e', listen])
    expect(existsSync(path)).toBe(true)
    await using first = await serveWorker({ fetch: () => new Response('first'), listen: path })
    expect(first.state).toBe('ready')
    const refused = expect.objectContaining({ code: 'RIP_LISTEN_FAILED' })
    const second = serveWorker({ fetch: () => new Response('second'), listen: path })
    expect(await second.catch((error: unknown) => error)).toEqual(refused)
    expect(await (await fetchUnix(path, '/')).text()).toBe('first')
    const file = folder.write('precious.txt', 'kept')
    const third = serveWorker({ fetch: () => new Response('third'), listen: file })
    expect(await third.catch((error: unknown) => error)).toEqual(refused)
    expect(await Bun.file(file).text()).toBe('kept')
  })

  test('a path too long for a socket is refused with what to do', async () => {
    const failed = serveWorker({ fetch: () => new Response(), listen: `/tmp/${'x'.repeat(120)}.sock` })
    expect(failed).rejects.toThrow('too long for a socket; choose a shorter one')
  })

  test('an address in use is one typed error that names it', async () => {
    await using first = await serveWorker({
      fetch: () => new Response(),
      listen: { port: 0, hostname: '127.0.0.1' },
    })
    const port = Number(new URL(first.url).port)
    const second = serveWorker({ fetch: () => new Response(), listen: { port, hostname: '127.0.0.1' } })
    const error = await second.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(WorkerError)
    expect(error).toMatchObject({ code: 'RIP_LISTEN_FAILED', detail: { address: `127.0.0.1:${port}` } })
  })

  test.each([
    [{ concurrency: 0 }, 'concurrency is 0, expected a whole number of at least 1'],
    [{ drainTimeoutMs: -1 }, 'drainTimeoutMs is -1, expected a whole number of at least 0'],
    [{ workerId: 1.5 }, 'workerId is 1.5, expected a whole number of at least 1'],
  ])('the option %j is refused', (options, message) => {
    expect(() => createWorker({ fetch: () => new Response(), ...options })).toThrow(message)
  })

  test('a call without a handler is refused', () => {
    expect(() => createWorker({})).toThrow('fetch is missing')
  })

  test('is not ready before onReady has settled, but accepts connections', async () => {
    const warm = barrier()
    using folder = new Folder()
    const events: string[] = []
    await using worker = createWorker({
      fetch: () => new Response('early'),
      listen: folder.file('s'),
      onListening: (url) => events.push(url),
      onReady: () => warm.passed,
    })
    const started = worker.start()
    await until('it listens', () => events.length === 1)
    expect(worker.state).toBe('starting')
    expect(await (await fetch('http://x/', { unix: folder.file('s') } as RequestInit)).text()).toBe('early')
    warm.open()
    await started
    expect(worker.state).toBe('ready')
  })

  test('a failing onReady fails the start and leaves no socket', async () => {
    using folder = new Folder()
    const onReady = (): never => {
      throw new Error('no database')
    }
    const start = serveWorker({ fetch: () => new Response(), listen: folder.file('s'), onReady })
    const error = await start.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'RIP_READY_FAILED', detail: { reason: 'no database' } })
    expect(existsSync(folder.file('s'))).toBe(false)
  })

  test('injected requests take the same way without a socket', async () => {
    const worker = createWorker({
      fetch: (_, { id, generation }) => new Response(`${id.length} ${generation}`),
    })
    const response = await worker.inject(new Request('http://x/'))
    expect(await response.text()).toBe('36 local')
    await worker.close()
    expect(worker.state).toBe('closed')
  })

  test('injected requests reach routes and node:http handlers as well', async () => {
    using folder = new Folder()
    const routes = {
      '/static': new Response('static'),
      '/users/:id': ({ params }: { readonly params: { readonly id: string } }) => new Response(params.id),
    }
    const fallback = (request: Request): Response => new Response(new URL(request.url).href)
    const early = createWorker({ fetch: fallback, routes, listen: folder.file('early') })
    const refused: unknown = await early
      .inject(new Request('http://x/static'))
      .catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'RIP_NOT_SERVING', detail: { state: 'new' } })
    await early.close()
    for (const listen of [folder.file('s'), { port: 0, hostname: '127.0.0.1' }]) {
      await using worker = await serveWorker({ fetch: fallback, routes, listen })
      const texts = ['/static', '/users/7', '/else?a'].map(async (path) =>
        (await worker.inject(new Request(`http://x${path}`))).text(),
      )
      expect(await Promise.all(texts)).toEqual(['static', '7', 'http://x/else?a'])
    }
    await using local = await LocalWorker.serve({
      listener: (request, response) => void request.pipe(response.writeHead(201)),
    })
    const echoed = await local.worker.inject(new Request('http://x/', { method: 'POST', body: 'sent' }))
    expect([echoed.status, await echoed.text()]).toEqual([201, 'sent'])
  })

  test.each(['GET // HTTP/1.1\r\nHost: h', 'TRACE / HTTP/1.1\r\nHost: h', 'GET / HTTP/1.1\r\nHost: a b'])(
    'a node:http handler that fails gets an error response for any request: %j',
    async (head) => {
      await using local = await LocalWorker.serve({
        listener: () => {
          throw new Error('out of order')
        },
      })
      using connection = await RawConnection.to(local.socket)
      connection.write(`${head}\r\n\r\n`)
      await until('it is answered', () => connection.received.includes('\r\n\r\n'))
      expect(connection.received).toMatch(/^HTTP\/1.1 [45]0\d /)
    },
  )

  test('a response with a file that does not exist is a failure like any other', async () => {
    const missing = { fetch: () => new Response(Bun.file('/nowhere/at.all')) }
    await using local = await LocalWorker.serve(missing)
    const response = await local.fetch('/')
    expect([response.status, await response.text()]).toEqual([
      500,
      expect.stringContaining('Internal Server Error'),
    ])
    expect(local.log).toEqual([expect.stringMatching(/^a response could not be sent .*ENOENT/s)])
    await using handled = await LocalWorker.serve({ ...missing, error: () => new Response('own page') })
    expect(await (await handled.fetch('/')).text()).toBe('own page')
  })

  test('responses that cannot be sent are reported, by each kind of handler', async () => {
    const used = new Response('once')
    await used.text()
    await using local = await LocalWorker.serve({
      fetch: ({ url }) => {
        throw url.endsWith('/thrown') ? used : new Error('first')
      },
      error: (error) => (error.message === 'first' ? used : undefined),
    })
    for (const path of ['/thrown', '/handled']) {
      const { status } = await local.fetch(path)
      expect([status, local.log.at(-1)]).toEqual([500, expect.stringContaining('already read or sent')])
    }
  })
})

describe('HEAD', () => {
  const stream = (cancelled: string[]): ReadableStream =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode('hello')),
      cancel: () => void cancelled.push('cancelled'),
    })

  test.each(['/', '/route'])(
    'keeps the length that a stream declares, and ends the stream: %s',
    async (path) => {
      const cancelled: string[] = []
      const headers = { 'content-length': '5', 'content-encoding': 'br', etag: '"v1"' }
      const answer = (): Response => new Response(stream(cancelled), { headers })
      await using local = await LocalWorker.serve({ fetch: answer, routes: { '/route': answer } })
      using connection = await RawConnection.to(local.socket)
      connection.write(`HEAD ${path} HTTP/1.1\r\nHost: h\r\n\r\n`)
      await until('it is answered', () => connection.received.endsWith('\r\n\r\n'))
      expect(connection.received).toMatch(/^content-length: 5\r$/im)
      expect(connection.received).toMatch(/^content-encoding: br\r$/im)
      expect(connection.received).toMatch(/^etag: "v1"\r$/im)
      expect(connection.received).not.toMatch(/^transfer-encoding/im)
      expect(cancelled).toEqual(['cancelled'])
      await until('nothing is in flight', () => local.worker.stats.inFlight === 0)
    },
  )

  test('is followed by other requests on the connection', async () => {
    await using local = await LocalWorker.serve({
      fetch: () => new Response('hello', { headers: { 'content-length': '5' } }),
    })
    using connection = await RawConnection.to(local.socket)
    connection.write('HEAD / HTTP/1.1\r\nHost: h\r\n\r\n')
    await until('it is answered', () => connection.received.endsWith('\r\n\r\n'))
    connection.get('/')
    await until('so is the next one', () => connection.received.endsWith('\r\n\r\nhello'))
  })
})

describe('the context', () => {
  test('has the client as the proxy in front reports it', async () => {
    await using local = await LocalWorker.serve({
      workerId: 4,
      generation: 'g7',
      fetch: ({ url }, { id, workerId, generation, client }) =>
        Response.json({ url, id, workerId, generation, client }),
    })
    const headers = {
      'x-request-id': 'r-1',
      'x-forwarded-for': '203.0.113.9, 10.0.0.1',
      'x-forwarded-proto': 'https',
    }
    expect(await (await local.fetch('/a?b=1', { headers })).json()).toEqual({
      url: 'https://app.test/a?b=1',
      id: 'r-1',
      workerId: 4,
      generation: 'g7',
      client: { address: '10.0.0.1', protocol: 'https' },
    })
  })

  test("on TCP forwarded fields are the client's own claims and are not believed", async () => {
    await using worker = await serveWorker({
      listen: { port: 0, hostname: '127.0.0.1' },
      fetch: ({ url }, { id, client }) => Response.json({ scheme: new URL(url).protocol, id, client }),
    })
    const headers = { 'x-request-id': 'r-1', 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' }
    const seen = (await (await fetch(worker.url, { headers })).json()) as Record<string, unknown>
    expect(seen).toMatchObject({ scheme: 'http:', client: { address: '127.0.0.1', protocol: 'http' } })
    expect(seen['id']).not.toBe('r-1')
  })

  test('every request without an id gets a new one', async () => {
    await using local = await LocalWorker.serve({ fetch: (_, { id }) => new Response(id) })
    const ids = await Promise.all(Array.from({ length: 20 }, async () => (await local.fetch('/')).text()))
    expect(new Set(ids).size).toBe(20)
  })

  test('is also the third argument for (request, env, executionContext) handlers', async () => {
    await using local = await LocalWorker.serve({
      fetch: (_: Request, env: unknown, execution: { waitUntil?: unknown }) =>
        Response.json({ same: env === execution, waitUntil: typeof execution.waitUntil }),
    })
    expect(await (await local.fetch('/')).json()).toEqual({ same: true, waitUntil: 'function' })
  })

  test('its signal aborts when the client leaves', async () => {
    const seen: string[] = []
    await using local = await LocalWorker.serve({
      fetch: async (request, { signal }) => {
        request.signal.addEventListener('abort', () => seen.push('request'))
        signal.addEventListener('abort', () => seen.push('context'))
        seen.push('started')
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        return new Response()
      },
    })
    using connection = await RawConnection.to(local.socket)
    connection.get('/')
    await until('the handler runs', () => seen.includes('started'))
    connection[Symbol.dispose]()
    await until('both signals abort', () => seen.length === 3)
    await until('nothing is in flight', () => local.worker.stats.inFlight === 0)
    expect(local.log).toEqual([])
  })

  test('waitUntil delays the end of the worker, not the response; a failing task is logged', async () => {
    const work = barrier()
    const done: string[] = []
    await using local = await LocalWorker.serve({
      fetch: (_, { waitUntil }) => {
        waitUntil(work.passed.then(() => done.push('worked')))
        waitUntil(Promise.reject(new Error('background trouble')))
        return new Response('at once')
      },
    })
    expect(await (await local.fetch('/')).text()).toBe('at once')
    const closed = local.worker.close({ timeoutMs: 5000 }).then(() => done.push('closed'))
    await until('the failure is logged', () => local.log.length === 1)
    expect(local.log[0]).toContain('background trouble')
    expect(done).toEqual([])
    work.open()
    await closed
    expect(done).toEqual(['worked', 'closed'])
  })
})

test('a waitUntil task that is not done at the deadline is logged', async () => {
  await using local = await LocalWorker.serve({
    fetch: (_, { waitUntil }) => {
      waitUntil(new Promise(() => {}))
      return new Response('ok')
    },
  })
  await local.fetch('/')
  expect(await local.worker.close({ timeoutMs: 20 })).toEqual({ abandoned: 0 })
  expect(local.log).toEqual(['waitUntil tasks not done at the deadline: 1'])
})

test('the library leaves signals and uncaught errors of the process alone', async () => {
  const events = ['SIGTERM', 'SIGINT', 'SIGHUP', 'uncaughtException', 'unhandledRejection']
  const listeners = (): number[] => events.map((event) => process.listenerCount(event))
  const before = listeners()
  await using local = await LocalWorker.serve({ fetch: () => new Response('ok') })
  await local.fetch('/')
  expect(listeners()).toEqual(before)
})

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

describe('concurrency', () => {
  test('one request at a time, in the order of arrival, streams included', async () => {
    const log: string[] = []
    async function* body(path: string): AsyncGenerator<string> {
      yield path
      await Bun.sleep(5)
      log.push(`end ${path}`)
    }
    await using local = await LocalWorker.serve({
      concurrency: 1,
      fetch: async ({ url }) => {
        const { pathname } = new URL(url)
        log.push(`start ${pathname}`)
        await Bun.sleep(2)
        return new Response(streamOf(body(pathname)))
      },
    })
    const connections: RawConnection[] = []
    for (let number = 0; number < 5; number++) {
      const connection = await RawConnection.to(local.socket)
      connections.push(connection)
      connection.get(`/${number}`)
      await until('it has arrived', () => local.worker.stats.requests === number + 1)
    }
    await until('all are answered', () => connections.every(({ received }) => received.endsWith('0\r\n\r\n')))
    expect(log).toEqual([0, 1, 2, 3, 4].flatMap((number) => [`start /${number}`, `end /${number}`]))
    for (const connection of connections) connection[Symbol.dispose]()
  })

  test('a client that leaves while waiting frees its place and never reaches the handler', async () => {
    const gate = barrier()
    const reached: string[] = []
    await using local = await LocalWorker.serve({
      concurrency: 1,
      fetch: async ({ url }) => {
        reached.push(new URL(url).pathname)
        await gate.passed
        return new Response('ok')
      },
    })
    const first = local.fetch('/first')
    await until('the first runs', () => reached.length === 1)
    using second = await RawConnection.to(local.socket)
    second.get('/second')
    await until('the second waits', () => local.worker.stats.waiting === 1)
    second[Symbol.dispose]()
    await until('nobody waits', () => local.worker.stats.waiting === 0)
    gate.open()
    await first
    expect(reached).toEqual(['/first'])
  })

  test('requests beyond the queue get 503 with Retry-After', async () => {
    const gate = barrier()
    await using local = await LocalWorker.serve({
      concurrency: 1,
      maxWaiting: 1,
      fetch: () => gate.passed.then(() => new Response('ok')),
    })
    const first = local.fetch('/')
    await until('one runs', () => local.worker.stats.inFlight === 1)
    const second = local.fetch('/')
    await until('one waits', () => local.worker.stats.waiting === 1)
    const third = await local.fetch('/')
    expect([third.status, third.headers.get('retry-after')]).toEqual([503, '1'])
    gate.open()
    expect([(await first).status, (await second).status]).toEqual([200, 200])
  })

  test('a failing handler gives its place back', async () => {
    await using local = await LocalWorker.serve({
      concurrency: 1,
      fetch: async () => {
        await Bun.sleep(1)
        throw new Error('every time')
      },
    })
    const statuses = await Promise.all(Array.from({ length: 8 }, async () => (await local.fetch('/')).status))
    expect(statuses).toEqual(Array.from({ length: 8 }, () => 500))
  })
})

describe('WebSockets', () => {
  interface Peer {
    send(text: string): void
  }

  function open(socket: string, path: string = '/'): Promise<{ client: WebSocket; closed: Promise<number> }> {
    const client = new WebSocket(`ws+unix://${socket}:${path}`)
    const closed = new Promise<number>((resolve) =>
      client.addEventListener('close', ({ code }) => resolve(code)),
    )
    return new Promise((resolve, reject) => {
      client.addEventListener('open', () => resolve({ client, closed }))
      client.addEventListener('error', () => reject(new Error('no WebSocket')))
    })
  }

  const upgrade = (request: Request, context: RequestContext): Response | undefined =>
    context.upgrade(request, { data: {} }) ? undefined : new Response('not a WebSocket', { status: 426 })

  test("the context upgrades, and the application's handlers are called with their own `this`", async () => {
    await using local = await LocalWorker.serve({
      fetch: upgrade as () => Response,
      websocket: {
        greeting: 'hello',
        message(socket: Peer, text: string) {
          socket.send(`${String(this['greeting'])} ${text}`)
        },
      },
    })
    const { client } = await open(local.socket)
    const answer = new Promise((resolve) => client.addEventListener('message', ({ data }) => resolve(data)))
    client.send('world')
    expect(await answer).toBe('hello world')
    expect(local.worker.stats).toMatchObject({ webSockets: 1, inFlight: 0 })
    expect((await local.fetch('/')).status).toBe(426)
    client.close()
  })

  test('a drain asks clients to come back with 1012 and does not wait for the deadline', async () => {
    await using local = await LocalWorker.serve({
      fetch: upgrade as () => Response,
      websocket: { message() {} },
    })
    const peers = await Promise.all(Array.from({ length: 10 }, () => open(local.socket)))
    expect(await local.worker.close({ timeoutMs: 5000 })).toEqual({ abandoned: 0 })
    expect(await Promise.all(peers.map(({ closed }) => closed))).toEqual(peers.map(() => 1012))
  })

  test('a socket that is upgraded during a drain is asked to come back as well', async () => {
    const gate = barrier()
    await using local = await LocalWorker.serve({
      fetch: (async (request: Request, context: RequestContext) => {
        await gate.passed
        return upgrade(request, context)
      }) as () => Promise<Response>,
      websocket: { message() {} },
    })
    const opened = open(local.socket)
    await until('it waits', () => local.worker.stats.inFlight === 1)
    const closed = local.worker.close({ timeoutMs: 5_000 })
    gate.open()
    expect(await (await opened).closed).toBe(1012)
    expect(await closed).toEqual({ abandoned: 0 })
  })

  test('a handler that throws costs its own socket only', async () => {
    await using local = await LocalWorker.serve({
      fetch: upgrade as () => Response,
      websocket: {
        message(socket: Peer, text: string) {
          if (text === 'bad') throw new Error('cannot read this')
          socket.send(text)
        },
      },
    })
    const [bad, good] = await Promise.all([open(local.socket), open(local.socket)])
    bad.client.send('bad')
    expect(await bad.closed).toBe(1011)
    expect(local.log[0]).toContain('cannot read this')
    const answer = new Promise((resolve) =>
      good.client.addEventListener('message', ({ data }) => resolve(data)),
    )
    good.client.send('fine')
    expect(await answer).toBe('fine')
    good.client.close()
  })
})

test('a blocked event loop is reported for as long as there is a listener', async () => {
  using folder = new Folder()
  await using worker = await serveWorker({ fetch: () => new Response('on'), listen: folder.file('s') })
  const lags: number[] = []
  const listening = worker.on('lag', (lagMs) => lags.push(lagMs))
  const block = (): void => Bun.sleepSync(400)
  block()
  await until('it is told', () => lags.length > 0)
  expect(lags[0]).toBeGreaterThanOrEqual(200)
  listening[Symbol.dispose]()
  const before = lags.length
  block()
  await Bun.sleep(300)
  expect(lags).toHaveLength(before)
})

test('a request that is injected over TCP ignores proxy variables of the environment', async () => {
  const script = `
    const { createWorker } = await import(${JSON.stringify(import.meta.resolve('../src/index.ts'))})
    await using worker = createWorker({ listen: { port: 0 }, fetch: () => new Response('no'), routes: { '/a': new Response('routed') } })
    await worker.start()
    console.log(await (await worker.inject(new Request('http://shop.example/a'))).text())`
  const nobody = 'http://127.0.0.1:9'
  const { stdout, stderr } = Bun.spawnSync([process.execPath, '-e', script], {
    env: { ...process.env, http_proxy: nobody, HTTP_PROXY: nobody, https_proxy: nobody, ALL_PROXY: nobody },
  })
  expect([stdout.toString(), stderr.toString()]).toEqual(['routed\n', ''])
})
