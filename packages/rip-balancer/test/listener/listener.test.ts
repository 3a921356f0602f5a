import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseListenAddress } from '../../src/config/address.ts'
import type { ListenTarget } from '../../src/listener/listener.ts'
import { OK, RawBackend, RawClient, TestBalancer, answering, eventually } from '../exchange/data-plane.ts'

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'

/** Blocks this process. */
function blockFor(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

/** Program that opens connections with a request until some were refused, and tells how they ended. */
const connectingTo = (to: number | string): string => `
  const outcomes = {}
  const note = (outcome) => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1)
  const gone = ['ECONNREFUSED', 'ENOENT']
  while ((outcomes.refused ?? 0) < 50) {
    const to = ${JSON.stringify(to)}
    const socket = require('node:net').connect(typeof to === 'string' ? { path: to } : { port: to, host: '127.0.0.1' })
    let answer = ''
    socket.on('connect', () => socket.write(${JSON.stringify(GET)}))
    socket.on('data', (bytes) => { answer += bytes; if (answer.endsWith('ok')) socket.end() })
    socket.on('error', ({ code }) => note(gone.includes(code) ? 'refused' : code))
    socket.on('close', (failed) => failed || note(answer.endsWith('ok') ? 'answered' : 'cut off'))
    await Bun.sleep(2)
  }
  process.on('exit', () => console.log(JSON.stringify(outcomes)))`

describe('draining', () => {
  test('answers requests under way with Connection: close and closes idle connections', async () => {
    await using backend = await RawBackend.start((socket) => setTimeout(() => socket.write(OK), 150))
    await using balancer = await TestBalancer.start([backend.path])
    using idle = await RawClient.connect(balancer.port)
    using busy = await RawClient.connect(balancer.port)
    busy.send(GET)
    await eventually(() => backend.all !== '')
    const drained = balancer.listener.drain()
    expect(await busy.untilEnd()).toEndWith('Connection: close\r\n\r\nok')
    expect(await idle.untilEnd()).toBe('')
    await drained
    expect(balancer.listener.status()).toEqual({ connections: 0, idle: 0 })
    const late = await RawClient.connect(balancer.port).catch((error: Error) => error)
    expect(late).toBeInstanceOf(Error)
  })

  test('still serves a request that was on its way', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], { timeouts: { drainGraceMs: 1_000 } })
    using client = await RawClient.connect(balancer.port)
    await eventually(() => balancer.listener.status().connections === 1)
    const drained = balancer.listener.drain()
    expect(await client.send(GET).untilEnd()).toEndWith('Connection: close\r\n\r\nok')
    await drained
  })

  test('still serves a request that had arrived, and was not read, when its connection was to be closed', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], { timeouts: { drainGraceMs: 100 } })
    using client = await RawClient.connect(balancer.port)
    await eventually(() => balancer.listener.status().connections === 1)
    const drained = balancer.listener.drain()
    client.send(GET)
    blockFor(300)
    expect(await client.untilEnd()).toEndWith('Connection: close\r\n\r\nok')
    await drained
  })

  test.each(['tcp', 'unix'] as const)(
    'over %s, answers each connection that had come, and later ones are refused',
    async (kind) => {
      const folder = mkdtempSync(join(tmpdir(), 'rip-'))
      const path = join(folder, 's')
      await using backend = await RawBackend.start(answering(OK))
      await using balancer = await TestBalancer.start([backend.path], {
        ...(kind === 'unix' && { listener: { target: { kind, path } } }),
      })
      const to = kind === 'unix' ? path : balancer.port
      await using clients = Bun.spawn([process.execPath, '-e', connectingTo(to)], { stdout: 'pipe' })
      await eventually(() => balancer.listener.status().connections > 0)
      blockFor(100)
      await balancer.listener.drain()
      const outcomes = JSON.parse(await clients.stdout.text()) as Record<string, number>
      expect(Object.keys(outcomes).toSorted()).toEqual(['answered', 'refused'])
      rmSync(folder, { recursive: true })
    },
  )

  test('cuts the remaining requests when its signal aborts', async () => {
    await using backend = await RawBackend.start(() => {})
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send(GET)
    await eventually(() => backend.all !== '')
    await balancer.listener.drain(AbortSignal.timeout(50))
    await client.untilEnd()
    expect(balancer.claims).toMatchObject({ inFlight: 0 })
  })
})

describe('an internal error', () => {
  const broken = {
    has: () => {
      throw new Error('a mistake')
    },
  }

  test('while a connection is accepted costs only that one, and is reported', async () => {
    await using balancer = await TestBalancer.start([], { settings: { proxyProtocolFrom: broken } })
    using client = await RawClient.connect(balancer.port)
    await eventually(() => client.closed)
    expect(balancer.faults).toEqual(['Error: a mistake'])
    expect(balancer.listener.status().connections).toBe(0)
  })

  test('while its bytes are read costs only that one, and is reported', async () => {
    let started = 0
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    const { observer } = balancer.plane.settings
    observer.started = () => {
      if (++started === 1) throw new Error('a mistake')
    }
    using first = await RawClient.connect(balancer.port)
    using second = await RawClient.connect(balancer.port)
    await first.send(GET).untilEnd()
    await second.send(GET).untilText('ok')
    expect([first.received, balancer.faults]).toEqual(['', ['Error: a mistake']])
  })
})

describe('connection limits', () => {
  test('in total', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], { limits: { maxConnections: 1 } })
    using first = await RawClient.connect(balancer.port)
    await first.send(GET).untilText('ok')
    using second = await RawClient.connect(balancer.port)
    expect(await second.untilEnd()).toStartWith('HTTP/1.1 503 ')
    first.socket.destroy()
    await eventually(() => balancer.listener.status().connections === 0)
    using third = await RawClient.connect(balancer.port)
    await third.send(GET).untilText('ok')
    expect(balancer.events).toContain('refused-total')
  })

  test('in total, where idle ones give way and busy ones do not', async () => {
    const answer = Promise.withResolvers<void>()
    await using backend = await RawBackend.start((socket, received) => {
      if (received.startsWith('GET /late')) void answer.promise.then(() => socket.write(OK))
      else socket.write(OK)
    })
    await using balancer = await TestBalancer.start([backend.path], { limits: { maxConnections: 2 } })
    using busy = await RawClient.connect(balancer.port)
    busy.send(GET.replace('/', '/late'))
    using idle = await RawClient.connect(balancer.port)
    await idle.send(GET).untilText('ok')
    using early = await RawClient.connect(balancer.port)
    expect(await early.untilEnd()).toStartWith('HTTP/1.1 503 ')
    const servedLate = async (): Promise<boolean> => {
      using late = await RawClient.connect(balancer.port)
      await late.send(GET).until((received) => received.endsWith('ok') || received.includes('503'))
      return late.received.endsWith('ok')
    }
    while (!(await servedLate())) await Bun.sleep(20)
    await eventually(() => idle.ended)
    expect(balancer.events.filter((event) => event === 'gave-way')).toHaveLength(1)
    answer.resolve()
    await busy.untilText('ok')
    await eventually(() => balancer.listener.status().connections <= 2)
  })

  test('in total, where unused ones give way to newer ones at once, and those in use do not', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], { limits: { maxConnections: 10 } })
    const used = await Promise.all(Array.from({ length: 4 }, () => RawClient.connect(balancer.port)))
    await Promise.all(used.map((client) => client.send(GET).untilText('ok')))
    const unused: RawClient[] = []
    for (let n = 0; n < 40; n++) unused.push(await RawClient.connect(balancer.port))
    using late = await RawClient.connect(balancer.port)
    await late.send(GET).untilText('ok')
    await eventually(() => unused.filter(({ ended }) => !ended).length <= 6)
    for (const client of used) {
      await client.send(GET).until((received) => received.split('ok').length === 3)
      client[Symbol.dispose]()
    }
    expect(balancer.events).not.toContain('refused-total')
    for (const client of unused) client[Symbol.dispose]()
  })

  test('per address', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], {
      limits: { maxConnectionsPerAddress: 1 },
    })
    using first = await RawClient.connect(balancer.port)
    await first.send(GET).untilText('ok')
    using second = await RawClient.connect(balancer.port)
    expect(await second.untilEnd()).toStartWith('HTTP/1.1 503 ')
    expect(balancer.events).toContain('refused-address')
  })

  test('requests on one connection', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], {
      limits: { maxRequestsPerConnection: 2 },
    })
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    expect(client.received).not.toContain('Connection: close')
    expect(await client.send(GET).untilEnd()).toEndWith('Connection: close\r\n\r\nok')
  })
})

describe('sockets', () => {
  test('Unix: the peer has no address', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rip-'))
    const path = join(folder, 'front.sock')
    await using backend = await RawBackend.start(answering(OK))
    try {
      await using balancer = await TestBalancer.start([backend.path], {
        listener: { target: { kind: 'unix', path } },
      })
      expect(balancer.listener.url).toBe(`unix:${path}`)
      const response = await fetch('http://h/', { unix: path })
      expect(await response.text()).toBe('ok')
      expect(backend.all).toContain('X-Forwarded-For: unknown\r\nX-Forwarded-Proto: http\r\n')
      expect(balancer.ended[0]!.clientAddress).toBe('unix')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('inherited: a listening descriptor', async () => {
    await using backend = await RawBackend.start(answering(OK))
    const server = net.createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as net.AddressInfo
    // The handle is not typed; its descriptor is what a parent process passes on.
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle
    const program = join(import.meta.dir, '../../bin/rip-balancer')
    await using balancer = Bun.spawn(
      [process.execPath, program, '--listen', 'fd:3', '--to', `unix:${backend.path}`],
      {
        stdio: ['ignore', 'pipe', 'inherit', fd],
      },
    )
    const said = await firstLine(balancer.stdout)
    server.close()
    expect(said).toBe(`listening http://127.0.0.1:${port}`)
    using client = await RawClient.connect(port)
    expect(await client.send(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')).untilEnd()).toEndWith(
      'ok',
    )
    balancer.kill()
    await balancer.exited
  })

  test('without a host: clients of both families can connect, and IPv4 addresses are written as such', async () => {
    await using backend = await RawBackend.start(answering(OK))
    const target = parseListenAddress(':0') as ListenTarget
    await using balancer = await TestBalancer.start([backend.path], { listener: { target } })
    const asked = async (host: string): Promise<string> =>
      (await fetch(`http://${host}:${balancer.port}/`, { headers: { connection: 'close' } })).text()
    expect(await asked('127.0.0.1')).toBe('ok')
    expect(await asked('[::1]')).toBe('ok')
    expect(balancer.ended.map(({ clientAddress }) => clientAddress)).toEqual(['127.0.0.1', '::1'])
  })

  test('two listeners share a port', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using first = await TestBalancer.start([backend.path], { listener: { reusePort: true } })
    const target = { kind: 'tcp' as const, host: '127.0.0.1', port: first.port }
    await using second = await TestBalancer.start([backend.path], { listener: { reusePort: true, target } })
    expect(second.port).toBe(first.port)
  })
})

describe('PROXY protocol', () => {
  const everybody = { has: () => true }

  test('names the client when the peer is listed', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], {
      settings: { proxyProtocolFrom: everybody },
    })
    using client = await RawClient.connect(balancer.port)
    await client.send(`PROXY TCP4 192.0.2.9 127.0.0.1 1 2\r\n${GET}`).untilText('ok')
    await client.send(GET).until((received) => received.split('ok').length === 3)
    expect(backend.all.match(/X-Forwarded-For: .*/g)).toEqual([
      'X-Forwarded-For: 192.0.2.9',
      'X-Forwarded-For: 192.0.2.9',
    ])
  })

  test('counts connections of the client it names, and none of the proxy', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], {
      settings: { proxyProtocolFrom: everybody },
      limits: { maxConnectionsPerAddress: 1 },
    })
    const from = (client: string): string => `PROXY TCP4 ${client} 127.0.0.1 1 2\r\n${GET}`
    using one = await RawClient.connect(balancer.port)
    await one.send(from('192.0.2.1')).untilText('ok')
    using two = await RawClient.connect(balancer.port)
    await two.send(from('192.0.2.2')).untilText('ok')
    using again = await RawClient.connect(balancer.port)
    expect(await again.send(from('192.0.2.1')).untilEnd()).toStartWith('HTTP/1.1 503 ')
    one.socket.destroy()
    again.socket.destroy()
    await eventually(() => balancer.listener.status().connections === 1)
    using later = await RawClient.connect(balancer.port)
    await later.send(from('192.0.2.1')).untilText('ok')
  })

  test('is mandatory for listed peers and a malformed request for all others', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using listed = await TestBalancer.start([backend.path], {
      settings: { proxyProtocolFrom: everybody },
    })
    using without = await RawClient.connect(listed.port)
    await without.send(GET).untilEnd()
    await using unlisted = await TestBalancer.start([backend.path])
    using uncalledFor = await RawClient.connect(unlisted.port)
    expect(await uncalledFor.send(`PROXY TCP4 192.0.2.9 127.0.0.1 1 2\r\n${GET}`).untilEnd()).toStartWith(
      'HTTP/1.1 400 ',
    )
    expect(backend.all).toBe('')
  })
})

test('a response that its client does not read holds the backend back instead of filling memory', async () => {
  const block = Buffer.alloc(1 << 20, 'x')
  let produced = 0
  await using backend = await RawBackend.start((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n')
    const produce = (): void => {
      while (produced < 1 << 30) {
        produced += block.length
        if (!socket.write(block)) return void socket.once('drain', produce)
      }
    }
    produce()
  })
  await using balancer = await TestBalancer.start([backend.path])
  using client = await RawClient.connect(balancer.port)
  client.socket.pause()
  client.send(GET)
  let known = -1
  let knownSince = 0
  await eventually(() => {
    if (produced !== known) knownSince = performance.now()
    known = produced
    return produced > 0 && performance.now() - knownSince > 300
  }, 10_000)
  // At most the kernel's buffers of two sockets, and the bytes of one read; far below the whole.
  expect(produced).toBeLessThan(32 << 20)
  client.socket.removeAllListeners('data').resume()
  await eventually(() => produced > known)
})

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of stream) {
    text += Buffer.from(chunk).toString()
    if (text.includes('\n')) break
  }
  return text.split('\n')[0]!
}
