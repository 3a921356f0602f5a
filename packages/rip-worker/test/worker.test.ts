import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { until } from '@rip/testing'
import { createWorker, serveWorker, WorkerError } from '../src/index.ts'
import { barrier, fetchUnix, Folder, LocalWorker, RawConnection } from './helpers.ts'

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

test('the library leaves signals and uncaught errors of the process alone', async () => {
  const events = ['SIGTERM', 'SIGINT', 'SIGHUP', 'uncaughtException', 'unhandledRejection']
  const listeners = (): number[] => events.map((event) => process.listenerCount(event))
  const before = listeners()
  await using local = await LocalWorker.serve({ fetch: () => new Response('ok') })
  await local.fetch('/')
  expect(listeners()).toEqual(before)
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
