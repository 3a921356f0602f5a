import { describe, expect, test } from 'bun:test'
import { dirname, join } from 'node:path'
import { until } from '@rip/testing'
import { http, RunningCommand } from './running-command.ts'

/** That of npm, also under Bun, which has one of its own by the name. */
const NPM_WS = join(
  dirname(Bun.resolveSync('ws/package.json', dirname(Bun.resolveSync('express-ws', import.meta.dir)))),
  'index.js',
)
const DRAIN_MS = 10_000
/** RFC 6455 section 5.5.1: a close frame, its status 1012; read as Windows-1252. */
const RESTART = '\u02c6\x11\x03\xf4service restart'
const HANDSHAKE = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'
const UPGRADE = [
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
const BEGIN_EVENTS = `
  if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    return response.write('data: 1\\n\\n')
  }`

/** Has every stream of a command end, and waits until its server has obeyed: an event stream of its own ends then. */
async function endStreams(command: RunningCommand): Promise<void> {
  using events = await command.connect()
  events.get('/events')
  await until('the stream has begun', () => events.received.includes('data: 1'))
  command.supervised.send({ type: 'end-streams' })
  await until('the stream has ended', () => events.received.endsWith('\r\n0\r\n\r\n'))
}

describe.each(['node', 'bun'])('WebSockets on the HTTP server of a command run by %s', (runtime) => {
  /** Writes to its WebSocket what the path of a request says. */
  const dictated = http(
    `let upgraded
    server.on('upgrade', (_, socket) => { upgraded = socket.on('error', () => {}) })
    server.listen(process.env.PORT)`,
    `${BEGIN_EVENTS}
    upgraded.write(Buffer.from(request.url.slice(1), 'base64url'))
    response.end()`,
  )
  const write = (command: RunningCommand, bytes: string): Promise<string> =>
    command.text(`/${Buffer.from(bytes, 'latin1').toString('base64url')}`)

  test('are passed on, and told to connect again when it leaves', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(`
          server.on('upgrade', (request, socket) => {
            socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n')
            socket.on('data', (bytes) => socket.write('\\x81\\x0aecho ' + bytes, 'latin1'))
            socket.on('error', () => {})
          })
          server.listen(process.env.PORT)`),
      },
      `${runtime} app.js`,
    )
    using connection = await command.connect()
    connection.get('/', ['Upgrade: websocket', 'Connection: Upgrade'])
    await until('it is upgraded', () => connection.received.endsWith('\r\n\r\n'))
    connection.write('hello')
    await until('it answers', () => connection.received.endsWith('echo hello'))
    await until('it is counted', () => command.supervised.message('beacon')?.webSockets === 1)
    command.supervised.send({ type: 'drain', deadlineMs: DRAIN_MS })
    await until('it is told', () => connection.received.endsWith(RESTART))
    expect(await command.supervised.program.exitCode()).toBe(0)
  })

  test('are told to connect again after the handshake, and between frames', async () => {
    await using command = await RunningCommand.serving({ 'app.js': dictated }, `${runtime} app.js`)
    using client = await command.connect()
    client.get('/', UPGRADE)
    await until('it is asked', () => command.supervised.message('beacon')?.webSockets === 1)
    await endStreams(command)
    const middle = 30
    await write(command, HANDSHAKE.slice(0, middle))
    await write(command, `${HANDSHAKE.slice(middle)}\x81\x02hi\x82`)
    await write(command, '\x05hel')
    await until('pieces have arrived', () => client.received.length === HANDSHAKE.length + 9)
    await write(command, 'lo')
    await until('it is told', () => client.received.endsWith(RESTART))
    expect(client.received).toBe(`${HANDSHAKE}\x81\x02hi\u201a\x05hello${RESTART}`)
  })

  test('are told to connect again also when they are opened later', async () => {
    await using command = await RunningCommand.serving({ 'app.js': dictated }, `${runtime} app.js`)
    await endStreams(command)
    using client = await command.connect()
    client.get('/', UPGRADE)
    await until('it is asked', () => command.supervised.message('beacon')?.webSockets === 1)
    await write(command, HANDSHAKE)
    await until('it is told', () => client.received === HANDSHAKE + RESTART)
  })

  test('get to its end what is being written to them', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(
          `const { Readable } = require('node:stream')
          const pieces = Array.from({ length: 64 }, () => Buffer.alloc(65_536, 'x'))
          let begun = 0
          function* message() {
            yield Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 64, 0, 0])
            for (const piece of pieces) { begun++; yield piece }
          }
          server.on('upgrade', (_, socket) => {
            socket.on('error', () => {})
            socket.write(${JSON.stringify(HANDSHAKE)})
            Readable.from(message(), { objectMode: true, highWaterMark: 1 }).pipe(socket, { end: false })
          })
          server.listen(process.env.PORT)`,
          `${BEGIN_EVENTS}
          response.end(String(begun))`,
        ),
      },
      `${runtime} app.js`,
    )
    using client = await command.connect()
    client.pause()
    client.get('/', UPGRADE)
    await until('the message has begun', async () => Number(await command.text()) > 0)
    await endStreams(command)
    expect(Number(await command.text())).toBeLessThan(64)
    client.resume()
    await until('it is told', () => client.received.endsWith(RESTART))
    const head = '\u201a\x7f\0\0\0\0\0\x40\0\0'
    expect(client.received === `${HANDSHAKE}${head}${'x'.repeat(64 * 65_536)}${RESTART}`).toBe(true)
  })

  test('of ws get all messages that were sent, also those that are still being compressed', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(
          `const { Server } = require(${JSON.stringify(NPM_WS)})
          const sockets = new Server({ server, perMessageDeflate: true })
          sockets.on('connection', (socket) => socket.on('message', () => {
            for (let n = 0; n < 50; n++) socket.send(String(n).padStart(100_000))
          }))
          server.listen(process.env.PORT)`,
          BEGIN_EVENTS,
        ),
      },
      `${runtime} app.js`,
    )
    const client = new WebSocket(`ws+unix://${command.supervised.socket}:/`)
    const received: number[] = []
    client.addEventListener('message', ({ data }) => void received.push(Number(data)))
    const closed = new Promise((resolve) => client.addEventListener('close', ({ code }) => resolve(code)))
    await until('it is open', () => client.readyState === WebSocket.OPEN)
    client.send('all')
    await until('the first has come', () => received.length > 0)
    command.supervised.send({ type: 'end-streams' })
    expect(await closed).toBe(1012)
    expect(received).toEqual(Array.from({ length: 50 }, (_, n) => n))
  })
})

describe('WebSockets of Bun.serve in a command', () => {
  const serve = (fetch: string, open: string): string => `
    const asked = []
    const server = Bun.serve({
      port: process.env.PORT,
      async fetch(request) {
        const { pathname } = new URL(request.url)
        if (pathname === '/asked') return new Response(String(asked.length))
        if (pathname === '/answer') return asked.shift()(), new Response()
        ${fetch}
        return server.upgrade(request) ? undefined : new Response('no')
      },
      websocket: { message() {}, open(socket) { ${open} } },
    })`

  test('are told to connect again also when they are opened later', async () => {
    await using command = await RunningCommand.serving(
      { 'app.js': serve('await new Promise((resolve) => asked.push(resolve))', '') },
      'bun app.js',
    )
    const connect = (): WebSocket => new WebSocket(`ws+unix://${command.supervised.socket}:/`)
    const told = connect()
    const late = connect()
    const codes: number[] = []
    for (const socket of [told, late]) socket.addEventListener('close', ({ code }) => void codes.push(code))
    await until('both have asked', async () => (await command.text('/asked')) === '2')
    await command.text('/answer')
    await until('one is open', () => command.supervised.message('beacon')?.webSockets === 1)
    command.supervised.send({ type: 'end-streams' })
    await until('that is told', () => codes.length === 1)
    await command.text('/answer')
    await until('the other one is told', () => codes.length === 2)
    expect(codes).toEqual([1012, 1012])
  })

  test('get all that was sent to them', async () => {
    await using command = await RunningCommand.serving(
      { 'app.js': serve('', `for (let n = 0; n < 64; n++) socket.sendBinary(Buffer.alloc(65_536, 'x'))`) },
      'bun app.js',
    )
    using client = await command.connect()
    client.pause()
    client.get('/', UPGRADE)
    await until('it is open', () => command.supervised.message('beacon')?.webSockets === 1)
    command.supervised.send({ type: 'end-streams' })
    await until('it is told', () => command.supervised.message('beacon')?.webSockets === 0)
    client.resume()
    await until('it is told', () => client.received.endsWith(RESTART))
    const message = `\u201a\x7f\0\0\0\0\0\x01\0\0${'x'.repeat(65_536)}`
    expect(client.received.endsWith(message.repeat(64) + RESTART)).toBe(true)
  })
})
