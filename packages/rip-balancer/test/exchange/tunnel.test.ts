import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OK, RawBackend, RawClient, TestBalancer, answering, eventually, type Script } from './data-plane.ts'

const UPGRADE =
  'GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

/** Accepts the upgrade, then sends everything back in capitals. */
const shouting: Script = (socket, received) => {
  const last = received.slice(received.indexOf('\r\n\r\n') + 4)
  if (last === '') socket.write(`${SWITCHING}HELLO`)
  else socket.write(last.toUpperCase().slice(-4))
}

describe('an upgraded connection', () => {
  test('carries bytes both ways, those in the first segments included', async () => {
    await using backend = await RawBackend.start(shouting)
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send(UPGRADE.replace('websocket', 'h2c, WebSocket'))
    await client.untilText('\r\n\r\nHELLO')
    expect(client.received).toStartWith('HTTP/1.1 101 Switching Protocols\r\n')
    expect(client.received).toContain('Connection: Upgrade\r\nUpgrade: websocket\r\n')
    expect(backend.all).toContain('Connection: Upgrade\r\nUpgrade: websocket\r\n')
    expect(backend.all).not.toContain('h2c')
    await client.send('ping').untilText('PING')
  })

  test('holds bytes the client sends before the 101 back until then', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      if (received.endsWith('\r\n\r\n')) setTimeout(() => socket.write(SWITCHING), 30)
      else socket.write('late')
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send(`${UPGRADE}early`)
    await client.untilText('late')
    expect(backend.all).toEndWith('\r\n\r\nearly')
  })

  test('ends in each direction separately', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      if (received.endsWith('\r\n\r\n')) socket.write(SWITCHING)
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(UPGRADE).untilText('101')
    for (const socket of backend.sockets)
      socket.removeAllListeners('end').on('end', () => socket.end('goodbye'))
    client.socket.end()
    expect(await client.untilEnd()).toEndWith('\r\n\r\ngoodbye')
    await eventually(() => balancer.ended.length === 1)
    expect(balancer.ended).toMatchObject([{ status: 101, cause: 'tunnel-closed' }])
    expect(balancer.claims.inFlight).toBe(0)
  })

  test('stays HTTP when the backend declines', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send(`${UPGRADE}GET /next HTTP/1.1\r\nHost: h\r\n\r\n`)
    await client.until((received) => received.split('ok').length === 3)
    expect(backend.all).toContain('GET /next HTTP/1.1\r\n')
  })

  test.each([
    ['another protocol', 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
    ['no protocol', 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\n'],
    ['no connection option', 'HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n'],
  ])('is refused when the backend switches to %s', async (_name, response) => {
    await using backend = await RawBackend.start(answering(response))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(UPGRADE).untilText('HTTP/1.1 502 ')
  })

  test.each([
    ['the client speaks HTTP/1.0', UPGRADE.replace('HTTP/1.1', 'HTTP/1.0')],
    ['Connection does not say so', UPGRADE.replace('Connection: Upgrade', 'Connection: keep-alive')],
    ['the protocol is not on the list', UPGRADE.replace('websocket', 'h2c')],
    ['its name is the version of another', UPGRADE.replace('websocket', 'other/websocket')],
    ['a version goes with it', UPGRADE.replace('websocket', 'websocket/13')],
    ['the method is not GET', UPGRADE.replace('GET', 'PUT')],
  ])('is not asked for when %s', async (_name, request) => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(request).untilText('ok')
    expect(backend.all.toLowerCase()).not.toContain('upgrade')
  })

  test.each(['client', 'backend'])('closes when the other side does not end after the %s', async (who) => {
    await using backend = await RawBackend.start(shouting)
    await using balancer = await TestBalancer.start([backend.path], { timeouts: { tunnelEndMs: 150 } })
    using client = await RawClient.connect(balancer.port)
    await client.send(UPGRADE).untilText('HELLO')
    for (const socket of backend.sockets) {
      socket.removeAllListeners('end')
      if (who === 'backend') socket.end()
    }
    if (who === 'client') client.socket.end()
    await eventually(() => balancer.ended.length === 1)
    expect(balancer.ended).toMatchObject([{ status: 101, cause: 'tunnel-closed' }])
    expect(balancer.claims.inFlight).toBe(0)
  })

  test('closes when nothing moves', async () => {
    await using backend = await RawBackend.start(shouting)
    await using balancer = await TestBalancer.start([backend.path], { timeouts: { tunnelIdleMs: 150 } })
    using client = await RawClient.connect(balancer.port)
    await client.send(UPGRADE).untilText('HELLO')
    await client.untilEnd()
    expect(balancer.ended).toMatchObject([{ cause: 'tunnel-closed' }])
  })
})

test('WebSocket messages of any size survive the way to a Bun.serve worker and back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rip-'))
  const path = join(folder, 'w.sock')
  const server = Bun.serve({
    unix: path,
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response('no', { status: 400 })),
    websocket: {
      maxPayloadLength: 64 * 1024 * 1024,
      backpressureLimit: 64 * 1024 * 1024,
      message: (socket, message) => void socket.send(message),
    },
  })
  try {
    await using balancer = await TestBalancer.start([path])
    const socket = new WebSocket(`ws://127.0.0.1:${balancer.port}/`)
    socket.binaryType = 'arraybuffer'
    await eventOf(socket, 'open')
    for (const size of [0, 1, 125, 126, 65_536, 8_000_000]) {
      const message = Buffer.alloc(size, size)
      const echoed = eventOf(socket, 'message')
      socket.send(message)
      const { data } = (await echoed) as MessageEvent<ArrayBuffer>
      expect(hashOf(Buffer.from(data))).toBe(hashOf(message))
    }
    const closed = eventOf(socket, 'close')
    socket.close()
    await closed
    await eventually(() => balancer.ended.length === 1)
    expect(balancer.claims.inFlight).toBe(0)
  } finally {
    await server.stop(true)
    rmSync(folder, { recursive: true, force: true })
  }
})

function eventOf(socket: WebSocket, name: 'open' | 'message' | 'close'): Promise<Event> {
  return new Promise((resolve, reject) => {
    socket.addEventListener(name, resolve, { once: true })
    socket.addEventListener('error', () => reject(new Error(`the WebSocket failed before ${name}`)), {
      once: true,
    })
  })
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
