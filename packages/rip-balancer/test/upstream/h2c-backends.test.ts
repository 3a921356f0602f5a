/** Backends at `h2c://`: what the balancer makes of each frame, and what it sends. */
import { describe, expect, test } from 'bun:test'
import net from 'node:net'
import http2 from 'node:http2'
import { until } from '@rip/testing'
import { balance } from '../../src/index.ts'
import { resolveConfig } from '../../src/config/resolve-config.ts'
import type { BalancerConfig } from '../../src/config/config.ts'
import { ERROR } from '../../src/http2/error-code.ts'
import { FLAG, FRAME } from '../../src/http2/frame-type.ts'
import { frame, numbers, SETTINGS, settingsOf } from '../http2/frames.ts'
import { RawClient } from '../exchange/data-plane.ts'
import { TempFolder } from '../servers.ts'
import { Http2Worker } from './http2-worker.ts'
import { FrameBackend, type Fields, type Reaction } from './frame-backend.ts'

const OK: Fields = [[':status', '200']]
const { endHeaders, endStream } = FLAG

async function start(reaction: Reaction, config: Partial<BalancerConfig> = {}, settings?: Buffer) {
  const backend = await FrameBackend.listen(reaction, settings)
  const balancer = await balance({ listen: '127.0.0.1:0', to: backend.address, ...config })
  return {
    backend,
    url: balancer.url,
    port: Number(new URL(balancer.url).port),
    async [Symbol.asyncDispose]() {
      await balancer.close()
      await backend[Symbol.asyncDispose]()
    },
  }
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

const onRequest =
  (
    react: (stream: number, connection: Parameters<Reaction>[1], seen: Parameters<Reaction>[0]) => void,
  ): Reaction =>
  (seen, connection) => {
    if (seen.type === FRAME.headers) react(seen.stream, connection, seen)
  }

describe('a request', () => {
  test('has pseudo fields in front, names in lower case, and nothing that concerns the connection', async () => {
    let fields: Record<string, string> = {}
    await using it = await start(
      onRequest((stream, connection, seen) => {
        fields = connection.fieldsOf(seen)
        connection.answer(stream, 'ok')
      }),
    )
    const answer = await exchange(
      it.port,
      'GET /a?b HTTP/1.1\r\nHost: shop.example\r\nX-Big: A\r\nConnection: close, TE\r\nTE: trailers\r\n\r\n',
    )
    expect(answer).toEndWith('ok\r\n0\r\n\r\n')
    expect(Object.keys(fields).slice(0, 4)).toEqual([':method', ':scheme', ':path', ':authority'])
    expect(fields).toMatchObject({
      ':method': 'GET',
      ':path': '/a?b',
      ':authority': 'shop.example',
      'x-big': 'A',
      te: 'trailers',
    })
    expect(Object.keys(fields)).not.toContain('connection')
    expect(Object.keys(fields)).not.toContain('host')
  })

  test('is sent again with any method when the backend refuses the stream', async () => {
    let refused = 0
    await using it = await start((seen, connection) => {
      if (seen.type !== FRAME.data || (seen.flags & endStream) === 0) return
      if (refused++ === 0)
        connection.write(frame(FRAME.resetStream, 0, seen.stream, numbers(ERROR.refusedStream)))
      else connection.answer(seen.stream, 'done')
    })
    const response = await fetch(it.url, { method: 'POST', body: 'pay' })
    expect([response.status, await response.text()]).toEqual([200, 'done'])
    expect(refused).toBe(2)
  })

  test('is sent again with any method when a GOAWAY leaves it out', async () => {
    let connections = 0
    await using it = await start(
      onRequest((stream, connection, { flags }) => {
        if ((flags & endStream) === 0 && connections++ === 0)
          connection.write(frame(FRAME.goAway, 0, 0, numbers(0, 0)))
        else connection.answer(stream, 'done')
      }),
    )
    const response = await fetch(it.url, { method: 'POST', body: 'pay' })
    expect([response.status, await response.text()]).toEqual([200, 'done'])
    expect(it.backend.handshakes).toBe(2)
  })

  test('is sent again until it is its turn, however few a backend takes on each connection', async () => {
    const taken = new Map<unknown, number>()
    await using it = await start(({ type, flags, stream }, connection) => {
      if (type !== FRAME.data || (flags & endStream) === 0) return
      const count = (taken.get(connection) ?? 0) + 1
      taken.set(connection, count)
      if (count > 1) return
      connection.write(frame(FRAME.goAway, 0, 0, numbers(stream, 0)))
      connection.answer(stream, 'done')
    })
    const pay = async (): Promise<number> => (await fetch(it.url, { method: 'POST', body: 'pay' })).status
    expect(await Promise.all(Array.from({ length: 40 }, pay))).toEqual(Array.from({ length: 40 }, () => 200))
    expect(taken.size).toBe(40)
  })

  test('is sent again with its body, however long, as long as the backend has taken none of it', async () => {
    const received = new Map<unknown, number>()
    const window = frame(FRAME.windowUpdate, 0, 0, numbers(2 ** 30))
    await using it = await start(
      ({ type, flags, stream, payload }, connection) => {
        // The others have sent what the window takes when they hear that they are left out.
        if (type !== FRAME.data || stream !== 1) return
        const bytes = (received.get(connection) ?? 0) + payload.length
        received.set(connection, bytes)
        if ((flags & endStream) === 0)
          return connection.write(frame(FRAME.windowUpdate, 0, stream, numbers(payload.length)))
        connection.write(frame(FRAME.goAway, 0, 0, numbers(stream, 0)))
        connection.answer(stream, String(bytes))
      },
      {},
      Buffer.concat([SETTINGS, window]),
    )
    const lengths = Array.from({ length: 10 }, (_, n) => 100_000 + n * 40_000)
    const answers = lengths.map(async (length) => {
      const response = await fetch(it.url, { method: 'POST', body: Buffer.alloc(length) })
      return [response.status, await response.text()]
    })
    expect(await Promise.all(answers)).toEqual(lengths.map((length) => [200, String(length)]))
    expect(received.size).toBe(10)
  })

  test('that may have been executed is not: 502', async () => {
    let resets = 0
    await using it = await start(
      onRequest((stream, connection) => {
        resets++
        connection.write(frame(FRAME.resetStream, 0, stream, numbers(ERROR.internal)))
      }),
    )
    expect((await fetch(it.url, { method: 'POST', body: 'pay' })).status).toBe(502)
    expect(resets).toBe(1)
  })

  test('waits for a place when the backend takes few at a time', async () => {
    let open = 0
    let most = 0
    await using it = await start(
      onRequest((stream, connection) => {
        most = Math.max(most, ++open)
        setTimeout(() => {
          open--
          connection.answer(stream, String(stream))
        }, 1)
      }),
      {},
      frame(FRAME.settings, 0, 0, settingsOf([3, 2])),
    )
    const answers = await Promise.all(Array.from({ length: 40 }, async () => (await fetch(it.url)).status))
    expect(answers).toEqual(Array.from({ length: 40 }, () => 200))
    // Four connections are opened at most.
    expect(most).toBeLessThanOrEqual(8)
  })

  test('whose client leaves is cancelled', async () => {
    await using it = await start(() => {})
    const socket = net.connect(it.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
    await until('it has arrived', () => it.backend.of(FRAME.headers).length === 1)
    socket.resetAndDestroy()
    const [reset] = await until('it is cancelled', () =>
      it.backend.of(FRAME.resetStream).length > 0 ? it.backend.of(FRAME.resetStream) : undefined,
    )
    expect([reset!.stream, reset!.payload.readUInt32BE()]).toEqual([1, ERROR.cancel])
  })

  test('waits for the window of the backend', async () => {
    let received = 0
    const body = Buffer.alloc(300_000, 'x')
    await using it = await start((seen, connection) => {
      if (seen.type !== FRAME.data) return
      received += seen.payload.length
      if ((seen.flags & endStream) !== 0) return connection.answer(seen.stream, String(received))
      if (seen.payload.length > 0)
        connection.write(
          frame(FRAME.windowUpdate, 0, 0, numbers(seen.payload.length)),
          frame(FRAME.windowUpdate, 0, seen.stream, numbers(seen.payload.length)),
        )
    })
    expect(await (await fetch(it.url, { method: 'POST', body })).text()).toBe('300000')
  })
})

describe('a response', () => {
  const BAD: Readonly<Record<string, Fields>> = {
    'without a status': [['x-a', 'b']],
    'with two of them': [
      [':status', '200'],
      [':status', '200'],
    ],
    'whose status comes late': [
      ['x-a', 'b'],
      [':status', '200'],
    ],
    'whose status is no number': [[':status', '2x0']],
    'whose status is 101': [[':status', '101']],
    'with another pseudo field': [
      [':status', '200'],
      [':path', '/'],
    ],
    'with a line end in a value': [
      [':status', '200'],
      ['x-a', 'b\r\nx-evil: 1'],
    ],
    'with a line end in a name': [
      [':status', '200'],
      ['x-a\r\nx-evil', '1'],
    ],
    'with a colon in a name': [
      [':status', '200'],
      ['x:a', '1'],
    ],
    'with a space in a name': [
      [':status', '200'],
      ['x a', '1'],
    ],
    'with an empty name': [
      [':status', '200'],
      ['', '1'],
    ],
    'with NUL in a value': [
      [':status', '200'],
      ['x-a', 'b\0'],
    ],
    'with a transfer coding': [
      [':status', '200'],
      ['transfer-encoding', 'chunked'],
    ],
    'with a field of the connection': [
      [':status', '200'],
      ['connection', 'close'],
    ],
    'with an upgrade': [
      [':status', '200'],
      ['upgrade', 'h2c'],
    ],
    'with two lengths': [
      [':status', '200'],
      ['content-length', '1'],
      ['content-length', '2'],
    ],
    'with a length that is none': [
      [':status', '200'],
      ['content-length', '+2'],
    ],
  }

  for (const [sentence, fields] of Object.entries(BAD))
    test(`${sentence} is no response: 502, and the connection goes on`, async () => {
      await using it = await start(
        onRequest((stream, connection, seen) => {
          const isBad = connection.fieldsOf(seen)[':path'] === '/bad'
          connection.answer(stream, 'ok', isBad ? fields : OK)
        }),
        { retries: 0 },
      )
      expect((await fetch(`${it.url}/bad`)).status).toBe(502)
      expect(await (await fetch(it.url)).text()).toBe('ok')
      expect(it.backend.of(FRAME.headers).map(({ stream }) => stream)).toEqual([1, 3])
    })

  test.each([
    ['shorter', 'abc'],
    ['longer', 'abcdefgh'],
  ])('that is %s than it says is cut', async (_word, body) => {
    await using it = await start(
      onRequest((stream, connection) => connection.answer(stream, body, [...OK, ['content-length', '5']])),
    )
    const answer = await exchange(it.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(answer.slice(answer.indexOf('\r\n\r\n') + 4).length).toBeLessThan(6)
    expect(it.backend.of(FRAME.headers)).toHaveLength(1)
  })

  test('with trailers passes them to clients that take them', async () => {
    await using it = await start(
      onRequest((stream, connection) =>
        connection.write(
          connection.headers(stream, [...OK, ['trailer', 'x-sum']]),
          frame(FRAME.data, 0, stream, 'body'),
          connection.headers(stream, [['x-sum', '42']], endHeaders | endStream),
        ),
      ),
    )
    const answer = await exchange(
      it.port,
      'GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n',
    )
    expect(answer).toEndWith('4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n')
  })

  test('may follow interim responses', async () => {
    await using it = await start(
      onRequest((stream, connection) => {
        connection.write(
          connection.headers(stream, [
            [':status', '103'],
            ['link', '</a>; rel=preload'],
          ]),
        )
        connection.answer(stream, 'ok')
      }),
    )
    const answer = await exchange(it.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(answer).toStartWith(
      'HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n',
    )
  })

  test('that comes before the request is complete ends it', async () => {
    await using it = await start(
      onRequest((stream, connection) =>
        connection.write(
          connection.headers(
            stream,
            [
              [':status', '413'],
              ['content-length', '0'],
            ],
            endHeaders | endStream,
          ),
        ),
      ),
    )
    const socket = net.connect(it.port, '127.0.0.1', () =>
      socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegin'),
    )
    const received = await new Promise<string>((resolve) =>
      socket.once('data', (chunk) => resolve(chunk.toString())),
    )
    expect(received).toStartWith('HTTP/1.1 413 ')
    await until('the stream is reset', () => it.backend.of(FRAME.resetStream).length === 1)
    socket.destroy()
  })

  test('may be longer on its way while half of all buffers has room for it', async () => {
    const windows: number[] = []
    const data = (stream: number, flags = 0): Buffer => frame(FRAME.data, flags, stream, Buffer.alloc(16_384))
    await using it = await start(
      ({ type, stream, payload }, connection) => {
        if (type === FRAME.headers)
          connection.write(connection.headers(stream, OK), data(stream), data(stream))
        if (type !== FRAME.windowUpdate || stream === 0) return
        windows.push(payload.readUInt32BE())
        // The first response is complete when it is known how long the second one may be.
        if (windows.length === 2) for (const id of [1, 3]) connection.write(data(id, endStream))
        if (windows.length === 3) connection.write(data(stream, endStream))
      },
      { limits: { buffers: '512KiB' } },
    )
    const get = async (): Promise<number> => (await (await fetch(it.url)).arrayBuffer()).byteLength
    expect(await Promise.all([get(), get()])).toEqual([3 * 16_384, 3 * 16_384])
    expect(await get()).toBe(3 * 16_384)
    expect(windows).toEqual([(32 + 192) * 1024, 32 * 1024, (32 + 192) * 1024])
  })

  test('whose client does not read is not read, and costs no other', async () => {
    let sent = 0
    let longStream = 0
    await using it = await start((seen, connection) => {
      if (seen.type === FRAME.headers) {
        if (connection.fieldsOf(seen)[':path'] !== '/long') return connection.answer(seen.stream, 'short')
        longStream = seen.stream
        connection.write(connection.headers(seen.stream, OK))
        for (let count = 0; count < 16; count++)
          connection.write(frame(FRAME.data, 0, seen.stream, Buffer.alloc(16_000)))
        sent = 16 * 16_000
      }
      if (seen.type !== FRAME.windowUpdate || seen.stream !== longStream || longStream === 0) return
      const bytes = seen.payload.readUInt32BE()
      for (let left = bytes; left > 0; left -= 16_000)
        connection.write(frame(FRAME.data, 0, seen.stream, Buffer.alloc(Math.min(left, 16_000))))
      sent += bytes
    })
    const socket = net.connect(it.port, '127.0.0.1', () =>
      socket.write('GET /long HTTP/1.1\r\nHost: a\r\n\r\n'),
    )
    socket.pause()
    for (let count = 0; count < 20; count++) expect(await (await fetch(it.url)).text()).toBe('short')
    let before = -1
    await until('nothing more is asked for', async () => {
      const isStill = before === sent
      before = sent
      await Bun.sleep(100)
      return isStill
    })
    // What the kernel takes of it, and one window.
    expect(sent).toBeLessThan(16 * 1024 * 1024)
    expect(await (await fetch(it.url)).text()).toBe('short')
    socket.destroy()
  })
})

test('a long request body goes to a backend that speaks both protocols in HTTP/1.1', async () => {
  await using backend = await FrameBackend.listen(
    onRequest((stream, connection) => connection.answer(stream, 'ok')),
  )
  const to = [{ address: backend.address.replace('h2c://', ''), http2: true }]
  await using lb = await balance({ listen: '127.0.0.1:0', to, workerProtocol: 'h2c' })
  expect(await (await fetch(lb.url)).text()).toBe('ok')
  const upload = fetch(lb.url, { method: 'POST', body: Buffer.alloc(100_000) }).catch(() => undefined)
  const second = await until('it comes on a connection of its own', () => backend.connections[1])
  expect(backend.handshakes).toBe(1)
  second.socket.destroy()
  await upload
})

test('OPTIONS for the server as a whole gets the same answer from a worker, whatever is spoken to it', async () => {
  using folder = new TempFolder()
  await using worker = new Http2Worker(folder, 'w', ({ url }) => new Response(new URL(url).pathname))
  const statuses: string[] = []
  for (const workerProtocol of ['http1', 'h2c'] as const) {
    await using lb = await balance({ listen: '127.0.0.1:0', to: [worker.backend], workerProtocol })
    using client = await RawClient.connect(Number(new URL(lb.url).port))
    client.send('OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n')
    statuses.push((await client.until((text) => text.includes('\r\n\r\n'))).slice(0, 12))
  }
  expect(statuses).toEqual(['HTTP/1.1 400', 'HTTP/1.1 400'])
})

test('few requests at a time go there in HTTP/1.1, unless something else is said', async () => {
  await using backend = await FrameBackend.listen(() => {})
  const to = [{ address: backend.address.replace('h2c://', ''), http2: true }]
  await using lb = await balance({ listen: '127.0.0.1:0', to })
  const leaver = new AbortController()
  const asked = Array.from({ length: 16 }, () =>
    fetch(lb.url, { signal: leaver.signal }).catch(() => undefined),
  )
  await until('all have come', () => backend.connections.length === 16)
  expect(backend.handshakes).toBe(0)
  asked.push(fetch(lb.url, { signal: leaver.signal }).catch(() => undefined))
  await until('a connection of HTTP/2 is opened for more', () => backend.handshakes === 1)
  leaver.abort()
  await Promise.all(asked)
})

test('a backend that is not said to speak HTTP/2 gets HTTP/1.1, however many requests it has', async () => {
  await using backend = await FrameBackend.listen(() => {})
  await using lb = await balance({ listen: '127.0.0.1:0', to: backend.address.replace('h2c://', '') })
  const leaver = new AbortController()
  const asked = Array.from({ length: 40 }, () =>
    fetch(lb.url, { signal: leaver.signal }).catch(() => undefined),
  )
  await until('each has a connection', () => backend.connections.length === 40)
  expect(backend.handshakes).toBe(0)
  leaver.abort()
  await Promise.all(asked)
})

test('who asks for HTTP/2 to the backends gets it, also where a backend is not said to speak it', async () => {
  await using backend = await FrameBackend.listen(
    onRequest((stream, connection) => connection.answer(stream, 'ok')),
  )
  const address = backend.address.replace('h2c://', '')
  await using lb = await balance({ listen: '127.0.0.1:0', to: address, workerProtocol: 'h2c' })
  expect(await (await fetch(lb.url)).text()).toBe('ok')
  expect(backend.handshakes).toBe(1)
})

test('it is not asked for where TLS is spoken, or where a backend is said not to speak it', () => {
  const to = [
    'unix:/run/app.sock',
    'a.test:80',
    { address: 'b.test:80', http2: false },
    'https://c.test',
    'h2c://d.test:80',
  ]
  const spoken = (workerProtocol: 'auto' | 'h2c' | 'http1') =>
    resolveConfig({ to, workerProtocol }).backends.map(({ address }) => address.http2)
  expect(spoken('h2c')).toEqual(['also', 'also', undefined, undefined, 'only'])
  for (const other of ['auto', 'http1'] as const)
    expect(spoken(other)).toEqual([undefined, undefined, undefined, undefined, 'only'])
})

test('a response whose head is larger than is passed on costs no other on the connection', async () => {
  using folder = new TempFolder()
  const slow = Promise.withResolvers<Response>()
  const large = Array.from({ length: 300 }, (_, at): [string, string] => [`x-${at}`, 'y'.repeat(1_000)])
  await using worker = new Http2Worker(folder, 'w', ({ url }) =>
    url.endsWith('/slow') ? slow.promise : new Response('large', { headers: large }),
  )
  await using lb = await balance({ listen: '127.0.0.1:0', to: [worker.backend], workerProtocol: 'h2c' })
  const waiting = fetch(`${lb.url}/slow`)
  await until('it is at the worker', () => worker.requests === 1)
  expect((await fetch(lb.url)).status).toBe(502)
  slow.resolve(new Response('ok'))
  expect(await (await waiting).text()).toBe('ok')
})

test('a backend that does not speak HTTP/2 is answered for with 502', async () => {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('http/1.1') })
  await using lb = await balance({ listen: '127.0.0.1:0', to: `h2c://127.0.0.1:${server.port}` })
  expect((await fetch(lb.url)).status).toBe(502)
  await server.stop(true)
})

test('the server of node:http2, which uses a table of heads although it is asked not to, is spoken to', async () => {
  const server = http2.createServer((request, response) => {
    response.setHeader('x-version', request.httpVersion)
    response.end(String(request.headers[':authority']))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const lb = await balance({ listen: '127.0.0.1:0', to: `h2c://127.0.0.1:${port}` })
  for (let n = 0; n < 4; n++) {
    const response = await fetch(lb.url, { method: 'POST', body: String(n) })
    expect([response.status, response.headers.get('x-version'), await response.text()]).toEqual([
      200,
      '2.0',
      new URL(lb.url).host,
    ])
  }
  await lb.close()
  server.close()
})
