import { describe, expect, test } from 'bun:test'
import net from 'node:net'
import { configProblems } from '../../src/config/resolve-config.ts'
import { HALF_CLOSES, type HalfClose } from '../../src/settings/half-close.ts'
import { NOTICES_SUFFIX } from '../../src/upstream/departure-notices.ts'
import { OK, RawBackend, RawClient, TestBalancer, eventually } from './data-plane.ts'

/** The socket on which a backend gets reports of clients that have left. */
class Notices implements AsyncDisposable {
  text = ''
  readonly #server: net.Server

  private constructor() {
    this.#server = net.createServer((socket) => {
      socket.on('data', (chunk) => (this.text += chunk.toString()))
      socket.on('error', () => {})
    })
  }

  static async of(backend: RawBackend): Promise<Notices> {
    const notices = new Notices()
    await new Promise<void>((resolve) => notices.#server.listen(backend.path + NOTICES_SUFFIX, resolve))
    return notices
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
/** The fields by which a backend identifies the request. */
const namesOf = (request: string): string =>
  ['X-Request-Id', 'X-Real-IP', 'X-Real-Port']
    .map((name) => new RegExp(`${name}: (.*)\r\n`).exec(request)?.[1])
    .join(' ')

test('the option halfClose has three values', () => {
  for (const halfClose of HALF_CLOSES) expect(configProblems({ halfClose })).toEqual([])
  expect(configProblems({ halfClose: 'maybe' as HalfClose })).toEqual([
    'halfClose: expected one of answer, tell, abort, got "maybe"',
  ])
})

test.each(HALF_CLOSES)(
  'a client that ends its side before its upgrade is answered counts as gone, with each value: %s',
  async (halfClose) => {
    await using backend = await RawBackend.start(() => {})
    await using balancer = await TestBalancer.start([backend.path], { settings: { halfClose } })
    using client = await RawClient.connect(balancer.port)
    const fields = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
    client.send(`GET / HTTP/1.1\r\nHost: h\r\n${fields}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`)
    await eventually(() => backend.all.endsWith('\r\n\r\n'))
    client.socket.end()
    expect(await client.untilEnd()).toBe('')
    await eventually(() => [...backend.sockets].every((socket) => socket.destroyed))
    expect(balancer.ended).toMatchObject([{ cause: 'client-gone' }])
  },
)

describe('a client that ends its side and waits', () => {
  test('is answered, and the backend is not told', async () => {
    await using backend = await RawBackend.start(() => {})
    await using notices = await Notices.of(backend)
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send(GET).socket.end()
    await eventually(() => backend.all.endsWith('\r\n\r\n'))
    for (const socket of backend.sockets) socket.write(OK)
    expect(await client.untilEnd()).toEndWith('\r\n\r\nok')
    expect(notices.text).toBe('')
  })

  test('is reported to the backend with the id and address of its request, and answered', async () => {
    await using backend = await RawBackend.start(() => {})
    await using notices = await Notices.of(backend)
    await using balancer = await TestBalancer.start([backend.path], { settings: { halfClose: 'tell' } })
    using client = await RawClient.connect(balancer.port)
    client.send(GET)
    await eventually(() => backend.all.endsWith('\r\n\r\n'))
    expect(notices.text).toBe('')
    client.socket.end()
    await eventually(() => notices.text.endsWith('\n'))
    expect(notices.text).toBe(`${namesOf(backend.all)}\n`)
    for (const socket of backend.sockets) socket.write(OK)
    expect(await client.untilEnd()).toEndWith('\r\n\r\nok')
    expect(balancer.ended).toMatchObject([{ status: 200, cause: 'completed' }])
  })

  test('is reported when its request is complete, also during the response', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      if (received.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab')
    })
    await using notices = await Notices.of(backend)
    await using balancer = await TestBalancer.start([backend.path], { settings: { halfClose: 'tell' } })
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ab')
    client.socket.end()
    await eventually(() => notices.text.endsWith('\n'))
    for (const socket of backend.sockets) socket.write('cd')
    expect(await client.untilEnd()).toEndWith('\r\n\r\nabcd')
  })

  test('is reported for each of its pipelined requests, all of which are answered', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      if (received.endsWith('\r\n\r\n') && received.split('GET').length === 2) return
      socket.write(OK)
    })
    await using notices = await Notices.of(backend)
    await using balancer = await TestBalancer.start([backend.path], { settings: { halfClose: 'tell' } })
    using client = await RawClient.connect(balancer.port)
    client.send(GET + GET).socket.end()
    await eventually(() => backend.all.endsWith('\r\n\r\n'))
    for (const socket of backend.sockets) socket.write(OK)
    expect((await client.untilEnd()).split('\r\n\r\nok')).toHaveLength(3)
    const second = backend.all.slice(backend.all.lastIndexOf('GET'))
    await eventually(() => notices.text.includes(namesOf(second)))
  })

  test('is answered by a backend that does not listen for reports', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      if (received.endsWith('\r\n\r\n')) setTimeout(() => socket.write(OK), 20)
    })
    await using balancer = await TestBalancer.start([backend.path], { settings: { halfClose: 'tell' } })
    for (let round = 0; round < 3; round++) {
      using client = await RawClient.connect(balancer.port)
      client.send(GET).socket.end()
      expect(await client.untilEnd()).toEndWith('\r\n\r\nok')
    }
    expect(balancer.faults).toEqual([])
  })

  test('counts as gone with abort: the connection to the backend is closed', async () => {
    await using backend = await RawBackend.start(() => {})
    await using balancer = await TestBalancer.start([backend.path], { settings: { halfClose: 'abort' } })
    using client = await RawClient.connect(balancer.port)
    client.send(GET)
    await eventually(() => backend.all.endsWith('\r\n\r\n'))
    client.socket.end()
    await eventually(() => backend.sockets.size === 0)
    expect(await client.untilEnd()).toBe('')
    await eventually(() => balancer.ended.length === 1)
    expect(balancer.ended).toMatchObject([{ status: 499, cause: 'client-gone' }])
    expect(balancer.claims.outcomes).toEqual(['client-gone'])
  })

  test('between two requests is closed without an answer', async () => {
    await using backend = await RawBackend.start((socket) => socket.write(OK))
    await using notices = await Notices.of(backend)
    await using balancer = await TestBalancer.start([backend.path], { settings: { halfClose: 'tell' } })
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    client.socket.end()
    await client.untilEnd()
    expect(notices.text).toBe('')
    expect(balancer.ended).toHaveLength(1)
  })

  test('in the middle of a body is answered with 400', async () => {
    await using backend = await RawBackend.start(() => {})
    await using notices = await Notices.of(backend)
    await using balancer = await TestBalancer.start([backend.path], { settings: { halfClose: 'tell' } })
    using client = await RawClient.connect(balancer.port)
    client.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab').socket.end()
    expect(await client.untilEnd()).toStartWith('HTTP/1.1 400 ')
    expect(notices.text).toBe('')
  })
})
