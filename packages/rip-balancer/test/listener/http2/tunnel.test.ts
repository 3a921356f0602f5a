/** WebSockets over a stream of HTTP/2 (RFC 8441), and streams in both directions. */
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ERROR } from '../../../src/http2/error-code.ts'
import { FRAME } from '../../../src/http2/frame-type.ts'
import { frame, numbers } from '../../http2/frames.ts'
import { OK, TestBalancer, answering, eventually } from '../../exchange/data-plane.ts'
import { FrameClient, GET, POST, fieldOf, type Fields } from './frame-client.ts'
import { startFront } from './front.ts'

const ENABLE_CONNECT_PROTOCOL = '000800000001'
const WEBSOCKET: Fields = [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  ...GET.slice(1),
  ['sec-websocket-version', '13'],
]
const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n' +
  'Sec-WebSocket-Protocol: chat\r\n\r\n'

describe('a WebSocket', () => {
  test('is announced', async () => {
    await using it = await startFront(answering(OK))
    expect(it.client.frames[0]!.payload.toString('hex')).toContain(ENABLE_CONNECT_PROTOCOL)
  })

  test('is an upgrade for the backend, and a stream for the client', async () => {
    await using it = await startFront((socket, received) => {
      if (received.endsWith('\r\n\r\n')) socket.write(`${SWITCHING}first`)
      if (received.endsWith('ping')) socket.write('pong')
    })
    const { client, backend } = it
    client.write(client.headers(1, WEBSOCKET, false))
    await eventually(() => client.response(1).body === 'first')
    expect(client.response(1).blocks).toEqual([
      [
        [':status', '200'],
        ['sec-websocket-protocol', 'chat'],
      ],
    ])
    expect(backend.all).toStartWith('GET / HTTP/1.1\r\nhost: h.test\r\n')
    expect(backend.all).toContain('\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n')
    expect(backend.all).toMatch(/\r\nsec-websocket-key: [\w+/]{22}==\r\n/)
    client.write(client.data(1, 'ping', false))
    await eventually(() => client.response(1).body === 'firstpong')
    client.write(client.data(1, '', true))
    expect(await client.settled(1)).toMatchObject({ ended: true, reset: undefined })
    expect(it.balancer.ended).toMatchObject([{ status: 101, cause: 'tunnel-closed' }])
  })

  test('that the backend does not open is answered as it says', async () => {
    await using it = await startFront(answering('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'))
    it.client.write(it.client.headers(1, WEBSOCKET, false))
    const response = await it.client.settled(1)
    expect([fieldOf(response.blocks[0], ':status'), response.body]).toEqual(['403', 'no'])
  })

  test('is not taken for open when the backend answers something else', async () => {
    await using it = await startFront(answering(OK))
    it.client.write(it.client.headers(1, WEBSOCKET, false))
    const response = await it.client.settled(1)
    expect([fieldOf(response.blocks[0], ':status'), response.body]).toEqual(['502', ''])
  })

  test('ends for the backend when its stream is reset, and for the client when the backend ends it', async () => {
    await using it = await startFront((socket, received) => {
      if (received.endsWith('\r\n\r\n')) socket.write(SWITCHING)
      if (received.endsWith('bye')) socket.end()
    })
    const { client, backend } = it
    client.write(client.headers(1, WEBSOCKET, false), client.headers(3, WEBSOCKET, false))
    await eventually(() => client.response(1).blocks.length + client.response(3).blocks.length === 2)
    client.write(frame(FRAME.resetStream, 0, 1, numbers(ERROR.cancel)))
    await eventually(() => backend.sockets.size === 1)
    client.write(client.data(3, 'bye', false))
    expect(await client.settled(3)).toMatchObject({ ended: true, reset: undefined })
    client.write(client.data(3, '', true))
    await eventually(() => it.balancer.ended.length === 2)
  })

  test('whose client ends its side before it is open is given up', async () => {
    await using it = await startFront(() => {})
    it.client.write(it.client.headers(1, WEBSOCKET, false), it.client.data(1, '', true))
    expect(await it.client.settled(1)).toMatchObject({ reset: ERROR.cancel })
    expect(it.balancer.ended).toMatchObject([{ cause: 'client-gone' }])
  })

  test('of Bun.serve gets messages and sends them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rip-'))
    const server = Bun.serve({
      unix: join(folder, 'b.sock'),
      fetch: (request, self) => (self.upgrade(request) ? undefined : new Response('no', { status: 400 })),
      websocket: { message: (socket, message) => void socket.send(`you said ${String(message)}`) },
    })
    await using balancer = await TestBalancer.start([join(folder, 'b.sock')], { listener: { http2: true } })
    using client = await FrameClient.connect(balancer.port)
    client.write(client.headers(1, WEBSOCKET, false))
    await eventually(() => client.response(1).blocks.length === 1)
    // FIN and text; masked with zeros, two bytes long (RFC 6455 §5.2).
    client.write(client.data(1, Buffer.from('\x81\x82\0\0\0\0hi', 'latin1'), false))
    await eventually(() => client.response(1).body === '\x81\x0byou said hi')
    await server.stop(true)
    rmSync(folder, { recursive: true })
  })
})

test('request and response may go on at the same time', async () => {
  await using it = await startFront((socket, received) => {
    if (received.endsWith('\r\n\r\n') && !received.includes('one'))
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhey\r\n')
    if (received.endsWith('one\r\n')) socket.write('3\r\nuno\r\n')
    if (received.endsWith('\r\n0\r\n\r\n')) socket.write('3\r\nend\r\n0\r\n\r\n')
  })
  const { client } = it
  client.write(client.headers(1, POST, false))
  await eventually(() => client.response(1).body === 'hey')
  client.write(client.data(1, 'one', false))
  await eventually(() => client.response(1).body === 'heyuno')
  client.write(client.data(1, '', true))
  expect((await client.settled(1)).body).toBe('heyunoend')
})
