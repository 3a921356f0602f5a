import { describe, expect, test } from 'bun:test'
import { createServer, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { until } from '@rip/testing'
import type { WorkerOptions } from '../src/index.ts'
import { WebSocketFrames } from '../src/serve/web-socket-frames.cjs'
import { Folder, LocalWorker, RawConnection, Supervised } from './helpers.ts'

const HANDSHAKE = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const RESTART = '\x88\x11\x03\xf4service restart'
const TEXT_FRAME = '\x81\x02hi'

/** An application of `node:http`, and the connections it got to upgrade. */
class Application implements AsyncDisposable {
  readonly upgrades: Duplex[] = []
  readonly local: LocalWorker

  private constructor(local: LocalWorker, upgrades: Duplex[]) {
    this.local = local
    this.upgrades = upgrades
  }

  static async serve(options: Partial<WorkerOptions> = {}): Promise<Application> {
    const upgrades: Duplex[] = []
    const nodeServer: Server = createServer((_, response) => response.end('page'))
    nodeServer.on('upgrade', (_request, socket: Duplex) => void upgrades.push(socket))
    return new Application(await LocalWorker.serve({ ...options, nodeServer }), upgrades)
  }

  /** A client that waits for the handshake, and the application's end of its connection. */
  async connect({ isUsed = false } = {}): Promise<{ client: RawConnection; socket: Duplex }> {
    const client = await RawConnection.to(this.local.socket)
    if (isUsed) {
      client.get('/')
      await until('a request is answered', () => client.received.endsWith('page'))
    }
    const count = this.upgrades.length
    client.get('/ws', [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ])
    await until('the application is asked', () => this.upgrades.length > count)
    return { client, socket: this.upgrades.at(-1)! }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.local[Symbol.asyncDispose]()
  }
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** The bytes in the form that a `RawConnection` shows. */
const read = (bytes: string): string => new TextDecoder('latin1').decode(latin1(bytes))

describe('a client is told to connect again', () => {
  test('after the handshake, however long that takes', async () => {
    await using application = await Application.serve()
    const { client, socket } = await application.connect()
    const closing = application.local.worker.close({ timeoutMs: 10_000 })
    await until('it drains', () => application.local.worker.state === 'draining')
    const middle = 30
    socket.write(HANDSHAKE.slice(0, middle))
    socket.write(latin1(HANDSHAKE.slice(middle) + TEXT_FRAME))
    await until('it is told', () => client.received.endsWith(read(RESTART)))
    expect(client.received).toBe(read(HANDSHAKE + TEXT_FRAME + RESTART))
    socket.end()
    client[Symbol.dispose]()
    expect(await closing).toEqual({ abandoned: 0 })
  })

  test.each([
    ['a short one', latin1('\x82\x05hello')],
    ['one of 16 bits', latin1('\x82\x7e\x01\x00' + 'a'.repeat(256))],
    ['one of 64 bits', latin1('\x82\x7f\0\0\0\0\0\x01\0\0' + 'a'.repeat(65_536))],
    ['an empty one', latin1('\x8a\x00')],
    ['a masked one', latin1('\x82\x82mask' + 'hi')],
  ])('between frames, even if they are written in pieces: %s', async (_, frame) => {
    await using application = await Application.serve()
    const { client, socket } = await application.connect()
    socket.write(HANDSHAKE + TEXT_FRAME, 'latin1')
    socket.write(frame.subarray(0, 1))
    application.local.worker.endStreams()
    for (let at = 1; at < frame.length - 1; at += 1000)
      socket.write(frame.subarray(at, Math.min(at + 1000, frame.length - 1)))
    await until('pieces have arrived', () => client.received.length > HANDSHAKE.length)
    expect(client.received).not.toContain('restart')
    socket.write(frame.subarray(-1))
    await until('it is told', () => client.received.endsWith(read(RESTART)))
    expect(client.received).toBe(read(HANDSHAKE + TEXT_FRAME + frame.toString('latin1') + RESTART))
  })

  test('also one that comes after all were told', async () => {
    await using application = await Application.serve()
    application.local.worker.endStreams()
    const { client, socket } = await application.connect()
    socket.write(HANDSHAKE)
    await until('it is told', () => client.received === read(HANDSHAKE + RESTART))
  })

  test('but not one that the application refuses', async () => {
    await using application = await Application.serve()
    application.local.worker.endStreams()
    const { client, socket } = await application.connect()
    const refusal = 'HTTP/1.1 401 Unauthorized\r\n\r\n'
    socket.write(refusal)
    socket.end()
    await until('it is refused', () => client.closed)
    expect(client.received).toBe(refusal)
  })
})

test('nothing is written after the application has ended its side', async () => {
  await using application = await Application.serve({ mode: 'development' })
  const { client, socket } = await application.connect()
  const errors: Error[] = []
  socket.on('error', (error) => void errors.push(error))
  socket.write(HANDSHAKE)
  socket.end()
  application.local.worker.endStreams()
  await until('its time to answer is over', () => client.closed)
  expect(errors).toEqual([])
  expect(client.received).toBe(HANDSHAKE)
})

test('a connection that has served a request before can be upgraded', async () => {
  await using application = await Application.serve()
  const { client, socket } = await application.connect({ isUsed: true })
  socket.on('data', (bytes: Buffer) => void socket.write(`echo ${bytes.toString()}`))
  socket.write(HANDSHAKE)
  await until('it is upgraded', () => client.received.endsWith(HANDSHAKE))
  client.write('hi')
  await until('it is answered', () => client.received.endsWith('echo hi'))
})

describe('with ws, of Bun or of npm', () => {
  /** Sends more than the client reads, then waits. */
  const server = (upgrade: string): string => `
    import { createServer } from 'node:http'
    import { WebSocketServer } from 'ws'
    const sockets = new WebSocketServer({ noServer: true })
    const server = createServer((_, response) => response.end(String(sockets.clients.size)))
    const accept = (...values) => sockets.handleUpgrade(...values, (socket) => sockets.emit('connection', socket))
    server.on('upgrade', ${upgrade})
    server.listen(4969)
`

  test('a client whose handshake takes its time is told after it', async () => {
    const upgrade = `async (...values) => { console.log('asked'); await Bun.sleep(100); accept(...values) }`
    await using supervised = new Supervised(new Folder({ 'app.ts': server(upgrade) }))
    await supervised.received('ready')
    const client = new WebSocket(`ws+unix://${supervised.socket}:/`)
    const closed = new Promise((resolve) =>
      client.addEventListener('close', ({ code, reason }) => resolve([code, reason])),
    )
    await until('it is asked', () => supervised.program.stdout === 'asked\n')
    supervised.send({ type: 'drain', deadlineMs: 10_000 })
    expect(await closed).toEqual([1012, 'service restart'])
    expect(await supervised.received('drained')).toEqual({ type: 'drained', abandoned: 0 })
  })

  test('a client that has still to read what was sent gets all of it before the end', async () => {
    const send = `sockets.on('connection', (socket) => { for (let n = 0; n < 20; n++) socket.send('x'.repeat(100_000)) })`
    await using supervised = new Supervised(new Folder({ 'app.ts': server('accept') + send }))
    await supervised.received('ready')
    const bytes: Uint8Array[] = []
    const socket = await Bun.connect({
      unix: supervised.socket,
      socket: { data: (_, chunk) => void bytes.push(Uint8Array.from(chunk)) },
    })
    socket.pause()
    socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await until('it is there', async () => (await (await supervised.fetch('/')).text()) === '1')
    supervised.send({ type: 'end-streams' })
    await until('it is told', () => supervised.message('beacon')?.webSockets === 1)
    socket.resume()
    await until('it has read the reason', () => Buffer.concat(bytes.slice(-2)).includes('service restart'))
    const frames = new WebSocketFrames()
    const received = Buffer.concat(bytes)
    frames.push(received.subarray(received.indexOf('\r\n\r\n') + 4))
    expect(frames.isComplete).toBe(true)
    expect(received.toString('latin1').endsWith(RESTART)).toBe(true)
    expect(received.toString('latin1').match(/x{100000}/g)?.length).toBe(20)
    socket.terminate()
  })
})

test.each([
  ['a client that does not answer', HANDSHAKE],
  ['an application that never accepts its client', ''],
])('%s does not hold up a drain', async (_, handshake) => {
  await using application = await Application.serve({ mode: 'development' })
  const { client, socket } = await application.connect()
  socket.on('error', () => {})
  if (handshake !== '') socket.write(handshake)
  expect(await application.local.worker.close({ timeoutMs: 30_000 })).toEqual({ abandoned: 0 })
  expect(client.closed).toBe(true)
})
