/** HTTP/2 to workers: real servers, real sockets. What a worker sees and a client gets is the same in both protocols. */
import { describe, expect, test } from 'bun:test'
import net from 'node:net'
import { until } from '@rip/testing'
import { balance } from '../../src/index.ts'
import type { BalancerConfig } from '../../src/config/config.ts'
import { TempFolder } from '../servers.ts'
import { Http2Worker, type Answer } from './http2-worker.ts'

/** A balancer in front of one worker, which it speaks HTTP/2 to unless something else is said. */
async function start(answer: Answer, config: Partial<BalancerConfig> = {}) {
  const folder = new TempFolder()
  const worker = new Http2Worker(folder, 'worker', answer)
  const balancer = await balance({
    listen: '127.0.0.1:0',
    to: [worker.backend],
    workerProtocol: 'h2c',
    ...config,
  })
  return {
    folder,
    worker,
    balancer,
    url: balancer.url,
    port: Number(new URL(balancer.url).port),
    async [Symbol.asyncDispose]() {
      await balancer.close()
      await worker[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

/** What a request says, without what differs from one to the next. */
async function describeRequest(request: Request): Promise<Response> {
  const {
    'x-request-id': _id,
    'x-real-port': _port,
    host: _host,
    ...headers
  } = Object.fromEntries(request.headers)
  const { pathname, search } = new URL(request.url)
  return Response.json({ method: request.method, pathname, search, headers, body: await request.text() })
}

/** Sends bytes on a connection of its own. @returns what comes until the connection ends */
function exchange(port: number, bytes: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let received = ''
  const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'))
  socket.on('data', (chunk) => (received += chunk.toString('latin1')))
  socket.on('error', () => {})
  socket.on('close', () => resolve(received))
  return promise
}

const REQUESTS: Readonly<Record<string, string>> = {
  'a plain GET': 'GET /a/b?c=d HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n',
  'names in capitals, and several fields of one name':
    'GET / HTTP/1.1\r\nHost: shop.example\r\nX-ONE: 1\r\nx-one: 2\r\nCookie: a=1; b=2\r\nCookie: c=3\r\nConnection: close\r\n\r\n',
  'fields that concern the connection':
    'GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\n\r\n',
  'a body with a length':
    'POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello',
  'an empty body': 'POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  'another method':
    'PATCH /x HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab',
  'a method of the length of POST': 'MOVE /x HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n',
  'OPTIONS of a path':
    'OPTIONS /x HTTP/1.1\r\nHost: shop.example\r\nMax-Forwards: 3\r\nConnection: close\r\n\r\n',
  'an absolute target':
    'GET http://other.example/x?y HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n',
  'raw bytes in a query': 'GET /?q=\xe9 HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n',
  'values with white space around':
    'GET / HTTP/1.1\r\nHost:shop.example\r\nX-A:  b\t\r\nX-Empty:\r\nConnection: close\r\n\r\n',
  'HTTP/1.0 without a host': 'GET / HTTP/1.0\r\n\r\n',
}

describe('what a worker sees is the same as in HTTP/1.1:', () => {
  for (const [sentence, bytes] of Object.entries(REQUESTS))
    test(sentence, async () => {
      await using h2 = await start(describeRequest)
      await using http1 = await start(describeRequest, { workerProtocol: 'http1' })
      const bodyOf = (response: string): unknown =>
        JSON.parse(response.slice(response.indexOf('{'), response.lastIndexOf('}') + 1))
      const seen = bodyOf(await exchange(h2.port, bytes))
      expect(seen).toEqual(bodyOf(await exchange(http1.port, bytes)))
    })

  test('a body in chunks', async () => {
    const bytes =
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'
    await using it = await start(
      async (request) => new Response(`${await request.text()}|${request.headers.has('transfer-encoding')}`),
    )
    expect(await exchange(it.port, bytes)).toContain('hello world|false')
  })
})

describe('what a client gets', () => {
  test('is the response, whatever its status, with all of its fields', async () => {
    await using it = await start(
      () =>
        new Response('gone', {
          status: 410,
          headers: [
            ['Set-Cookie', 'a=1'],
            ['Set-Cookie', 'b=2'],
            ['X-Latin', 'H\xe4'],
            ['ETag', '"x"'],
          ],
        }),
    )
    const response = await fetch(it.url)
    expect([response.status, await response.text()]).toEqual([410, 'gone'])
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect([response.headers.get('x-latin'), response.headers.get('etag')]).toEqual(['H\xe4', '"x"'])
  })

  test('to HEAD is the length of what GET would give, and nothing more', async () => {
    await using it = await start(() => new Response('0123456789'))
    const answer = await exchange(it.port, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(answer).toMatch(/content-length: 10\r\n/i)
    expect(answer).toEndWith('\r\n\r\n')
  })

  test.each([204, 304])('with status %i has no body', async (status) => {
    await using it = await start(() => new Response(null, { status }))
    const answer = await exchange(it.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(answer).toStartWith(`HTTP/1.1 ${status} `)
    expect(answer).toEndWith('\r\n\r\n')
    expect(answer).not.toMatch(/transfer-encoding/i)
  })

  test('with an empty body says so in its head', async () => {
    await using it = await start(() => new Response(''))
    const answer = await exchange(it.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(answer).toMatch(/content-length: 0\r\n/i)
  })

  test('comes as the worker sends it', async () => {
    const gate = Promise.withResolvers<void>()
    await using it = await start(
      () =>
        new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue('first')
              await gate.promise
              controller.enqueue('second')
              controller.close()
            },
          }),
        ),
    )
    const reader = (await fetch(it.url)).body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('first')
    gate.resolve()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('second')
    expect((await reader.read()).done).toBe(true)
  })

  test('is complete, however long it is, in both directions', async () => {
    await using it = await start((request) => new Response(request.body))
    const body = crypto.getRandomValues(new Uint8Array(65_536))
    const long = Buffer.concat(Array.from({ length: 64 }, () => body))
    const answers = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const response = await fetch(it.url, { method: 'POST', body: long })
        return Bun.hash(await response.bytes())
      }),
    )
    expect(answers).toEqual(Array.from({ length: 4 }, () => Bun.hash(long)))
  })

  test('is its own among many at once', async () => {
    await using it = await start((request) => new Response(new URL(request.url).pathname))
    const paths = Array.from({ length: 600 }, (_, index) => `/${index}`)
    const answers = await Promise.all(paths.map(async (path) => (await fetch(it.url + path)).text()))
    expect(answers).toEqual(paths)
    expect(it.balancer.status().pools[0]!.backends[0]!.failures).toBe(0)
  })
})

describe('a client that waits for 100 Continue', () => {
  test('is asked for its body by the worker', async () => {
    await using it = await start(async (request) => new Response(await request.text()))
    const { promise, resolve } = Promise.withResolvers<string>()
    let received = ''
    const socket = net.connect(it.port, '127.0.0.1', () =>
      socket.write(
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n',
      ),
    )
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      if (received === 'HTTP/1.1 100 Continue\r\n\r\n') socket.write('body')
    })
    socket.on('close', () => resolve(received))
    expect(await promise).toEndWith('\r\n\r\nbody')
  })
})

test('an upload without a length is complete, and is sent no faster than the worker reads it', async () => {
  const gate = Promise.withResolvers<void>()
  await using it = await start(
    async (request) => {
      const hash = new Bun.CryptoHasher('sha1')
      for await (const chunk of request.body!) {
        hash.update(chunk)
        await gate.promise
      }
      return new Response(`${request.headers.get('content-length')} ${hash.digest('hex')}`)
    },
    { limits: { body: '128MiB' } },
  )
  const part = crypto.getRandomValues(new Uint8Array(65_536))
  // More than the kernel keeps between two sockets, which is 36 MiB where it may grow much.
  const parts = 1_024
  const hash = new Bun.CryptoHasher('sha1')
  let sent = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent++ === parts) return controller.close()
      hash.update(part)
      controller.enqueue(part)
    },
  })
  const answer = fetch(it.url, { method: 'POST', body })
  let before = -1
  await until('nothing more is taken', async () => {
    const isStill = sent > 0 && sent === before
    before = sent
    await Bun.sleep(50)
    return isStill
  })
  expect(sent).toBeLessThan(parts)
  gate.resolve()
  expect(await (await answer).text()).toBe(`null ${hash.digest('hex')}`)
  expect(it.balancer.status().pools[0]).toMatchObject({ lanes: 1 })
})

describe('a client that leaves', () => {
  test('aborts its request, and no other', async () => {
    let aborted = 0
    const gate = Promise.withResolvers<void>()
    await using it = await start(
      async (request) => {
        request.signal.addEventListener('abort', () => void aborted++)
        await gate.promise
        return new Response('stayed')
      },
      { halfClose: 'abort' },
    )
    const stays = fetch(it.url)
    const leaver = new AbortController()
    const leaves = fetch(it.url, { signal: leaver.signal }).catch((error: Error) => error.name)
    await until('both requests are at the worker', () => it.worker.requests === 2)
    leaver.abort()
    expect(await leaves).toBe('AbortError')
    await until('one is aborted', () => aborted === 1)
    gate.resolve()
    expect(await (await stays).text()).toBe('stayed')
    expect(aborted).toBe(1)
  })
})

describe('a client that does not read', () => {
  test('holds up nobody else on its lane', async () => {
    const long = Buffer.alloc(8 * 1024 * 1024)
    await using it = await start((request) => new Response(request.url.endsWith('/long') ? long : 'short'))
    const sockets = Array.from({ length: 5 }, () => {
      const socket = net.connect(it.port, '127.0.0.1', () =>
        socket.write('GET /long HTTP/1.1\r\nHost: a\r\n\r\n'),
      )
      socket.pause()
      return socket
    })
    await until('five requests are at the worker', () => it.worker.requests === 5)
    for (let count = 0; count < 100; count++) expect(await (await fetch(it.url)).text()).toBe('short')
    for (const socket of sockets) socket.destroy()
  })
})

describe('HTTP/1.1 is spoken', () => {
  /** How many connections the worker has, which tells the protocols apart: WebSockets and large heads have their own. */
  test('for upgrades', async () => {
    const folder = new TempFolder()
    const socket = folder.file('worker.sock')
    const server = Bun.serve({
      unix: socket,
      http2: true,
      fetch: (request, self) => (self.upgrade(request) ? undefined : new Response('no upgrade')),
      websocket: { message: (peer, message) => void peer.send(`echo ${String(message)}`) },
    } as Bun.Serve.Options<undefined>)
    await using lb = await balance({
      listen: '127.0.0.1:0',
      to: [{ address: `unix:${socket}`, http2: true }],
      workerProtocol: 'h2c',
    })
    expect(await (await fetch(lb.url)).text()).toBe('no upgrade')
    const { promise, resolve } = Promise.withResolvers<string>()
    const peer = new WebSocket(lb.url.replace('http', 'ws'))
    peer.addEventListener('open', () => peer.send('hello'))
    peer.addEventListener('message', ({ data }) => resolve(String(data)))
    expect(await promise).toBe('echo hello')
    peer.close()
    await server.stop(true)
    folder[Symbol.dispose]()
  })

  test('for heads that are larger than the worker takes', async () => {
    await using it = await start((request) => new Response(String(request.headers.get('x-large')?.length)))
    expect(await (await fetch(it.url)).text()).toBe('undefined')
    const response = await fetch(it.url, { headers: { 'x-large': 'x'.repeat(16_000) } })
    expect([response.status, await response.text()]).toEqual([200, '16000'])
  })

  test('while a lane is being opened, with workerProtocol auto', async () => {
    await using it = await start((request) => new Response(new URL(request.url).pathname), {
      workerProtocol: 'auto',
    })
    for (let index = 0; index < 20; index++)
      expect(await (await fetch(`${it.url}/${index}`)).text()).toBe(`/${index}`)
  })
})

describe('a worker that is killed', () => {
  test('costs only what it was executing: what may be done twice is, the rest is answered with 502', async () => {
    using folder = new TempFolder()
    const socket = folder.file('killed.sock')
    const script = new URL('hanging-worker.ts', import.meta.url).pathname
    await using worker = Bun.spawn([process.execPath, script, socket], { stdout: 'pipe' })
    await worker.stdout.getReader().read()
    await using other = new Http2Worker(folder, 'other', () => new Response('done'))
    await using lb = await balance({
      listen: '127.0.0.1:0',
      to: [{ id: 'killed', address: `unix:${socket}`, http2: true }, other.backend],
      policy: 'round-robin',
      workerProtocol: 'h2c',
      retries: 1,
    })
    const inFlight = (): number => lb.status().pools[0]!.backends[0]!.inFlight
    const methods = ['GET', 'POST', 'PUT', 'PATCH']
    const answered: string[] = []
    const answers = methods.flatMap((method) =>
      Array.from({ length: 8 }, async () => {
        const { status } = await fetch(`${lb.url}/work`, { method, body: method === 'GET' ? null : 'pay' })
        answered.push(method)
        return `${method} ${status}`
      }),
    )
    const begun = async (): Promise<number> =>
      Number(await (await fetch(`http://worker/`, { unix: socket })).text())
    await until(
      'all that is not answered is being executed',
      async () => inFlight() > 0 && inFlight() + answered.length === 32 && (await begun()) === inFlight(),
    )
    const executing = (method: string): number => 8 - answered.filter((each) => each === method).length
    const lost = executing('POST') + executing('PATCH')
    const expected = methods.flatMap((method) => {
      const failed = method === 'POST' || method === 'PATCH' ? executing(method) : 0
      return Array.from({ length: 8 }, (_, at) => `${method} ${at < failed ? 502 : 200}`)
    })
    worker.kill('SIGKILL')
    expect((await Promise.all(answers)).toSorted()).toEqual(expected.toSorted())
    expect(other.requests).toBe(32 - lost)
  })
})

describe('a worker that stops', () => {
  test('loses no request: what it has is answered, the rest goes to another one', async () => {
    const folder = new TempFolder()
    const answer: Answer = async (request) => {
      await Bun.sleep(2)
      return new Response(await request.text())
    }
    await using first = new Http2Worker(folder, 'first', answer)
    await using second = new Http2Worker(folder, 'second', answer)
    await using lb = await balance({
      listen: '127.0.0.1:0',
      to: [first.backend, second.backend],
      workerProtocol: 'h2c',
    })
    let failed = 0
    let answered = 0
    let isOver = false
    const clients = Array.from({ length: 16 }, async () => {
      while (!isOver) {
        const response = await fetch(lb.url, { method: 'POST', body: 'x' })
        if (response.status === 200 && (await response.text()) === 'x') answered++
        else failed++
      }
    })
    await until('the first worker is busy', () => first.requests > 50)
    await first.stop()
    const before = answered
    await until('the second has answered', () => answered > before + 200)
    isOver = true
    await Promise.all(clients)
    expect(failed).toBe(0)
    folder[Symbol.dispose]()
  })
})
