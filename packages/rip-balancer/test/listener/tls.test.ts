import { describe, expect, test } from 'bun:test'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { duplicateDescriptor } from '../../src/listener/duplicate-descriptor.ts'
import type { TlsMaterial, TlsSource } from '../../src/tls/tls-source.ts'
import { OK, RawBackend, RawClient, TestBalancer, answering, eventually } from '../exchange/data-plane.ts'

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'

/** A certificate that a test can exchange. Both were made for these tests and serve nothing else. */
class ChangingSource implements TlsSource {
  private name: 'first' | 'second' = 'first'
  private changed: (() => void) | undefined

  current(): TlsMaterial {
    const read = (ending: string): string =>
      readFileSync(join(import.meta.dir, 'certificates', `${this.name}.${ending}`), 'utf8')
    return { cert: read('crt'), key: read('key') }
  }

  subscribe(changed: () => void): () => void {
    this.changed = changed
    return () => (this.changed = undefined)
  }

  replace(): void {
    this.name = 'second'
    this.changed?.()
  }
}

class TlsClient implements Disposable {
  received = ''
  readonly socket: tls.TLSSocket

  private constructor(socket: tls.TLSSocket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => (this.received += chunk.toString('latin1')))
  }

  static async connect(port: number, options: tls.ConnectionOptions = {}): Promise<TlsClient> {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
    const client = new TlsClient(socket)
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
    return client
  }

  get commonName(): string {
    return String(this.socket.getPeerCertificate().subject.CN)
  }

  async ask(): Promise<string> {
    this.received = ''
    this.socket.write(GET)
    await eventually(() => this.received.endsWith('ok'))
    return this.received
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

test('TLS is terminated, and the backend learns that the client used it', async () => {
  await using backend = await RawBackend.start(answering(OK))
  await using balancer = await TestBalancer.start([backend.path], { listener: { tls: new ChangingSource() } })
  expect(balancer.listener.url).toBe(`https://127.0.0.1:${balancer.port}`)
  using client = await TlsClient.connect(balancer.port)
  expect(await client.ask()).toStartWith('HTTP/1.1 200 OK\r\n')
  expect(backend.all).toContain('X-Forwarded-Proto: https\r\n')
})

test('a new certificate serves new connections and drops none of the old ones', async () => {
  const source = new ChangingSource()
  await using backend = await RawBackend.start(answering(OK))
  await using balancer = await TestBalancer.start([backend.path], { listener: { tls: source } })
  using before = await TlsClient.connect(balancer.port)
  await before.ask()
  source.replace()
  using after = await TlsClient.connect(balancer.port)
  expect([before.commonName, after.commonName]).toEqual(['first.test', 'second.test'])
  await after.ask()
  await before.ask()
})

test('connections that wait to be accepted survive the new certificate', async () => {
  const source = new ChangingSource()
  const folder = mkdtempSync(join(tmpdir(), 'rb-'))
  const marker = join(folder, 'connected')
  await using backend = await RawBackend.start(answering(OK))
  await using balancer = await TestBalancer.start([backend.path], { listener: { tls: source } })
  const program = join(import.meta.dir, 'fixtures/waiting-clients.ts')
  const clients = Bun.spawn([process.execPath, program, String(balancer.port), '20', marker])
  // Blocks this process, so that no connection is accepted before the listener is replaced.
  while (!existsSync(marker)) Bun.sleepSync(1)
  source.replace()
  expect((await new Response(clients.stdout).text()).trim()).toBe('20')
  rmSync(folder, { recursive: true })
})

test.skipIf(process.platform !== 'linux')(
  'an inherited socket and a Unix socket get the new certificate, too',
  async () => {
    await using backend = await RawBackend.start(answering(OK))
    const server = net.createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as net.AddressInfo
    // The handle is not typed; its descriptor is what a parent process passes on.
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle
    const folder = mkdtempSync(join(tmpdir(), 'rb-'))
    const path = join(folder, 'b.sock')
    for (const [target, to] of [
      [{ kind: 'fd', fd: duplicateDescriptor(fd)! }, { port }],
      [{ kind: 'unix', path }, { path }],
    ] as const) {
      const source = new ChangingSource()
      await using balancer = await TestBalancer.start([backend.path], { listener: { tls: source, target } })
      if (target.kind === 'fd') server.close()
      source.replace()
      using client = await TlsClient.connect(balancer.port, { ...to })
      expect(client.commonName).toBe('second.test')
      await client.ask()
    }
    rmSync(folder, { recursive: true })
  },
)

test.skipIf(process.platform !== 'linux')(
  'a new certificate at one address leaves another address with the same port alone',
  async () => {
    await using backend = await RawBackend.start(answering(OK))
    const source = new ChangingSource()
    await using one = await TestBalancer.start([backend.path], { listener: { tls: new ChangingSource() } })
    const target = { kind: 'tcp', host: '127.0.0.2', port: one.port } as const
    await using two = await TestBalancer.start([backend.path], { listener: { tls: source, target } })
    source.replace()
    using atOne = await TlsClient.connect(one.port)
    using atTwo = await TlsClient.connect(two.port, { host: '127.0.0.2' })
    expect([atOne.commonName, atTwo.commonName]).toEqual(['first.test', 'second.test'])
  },
)

describe('a connection whose handshake is not finished', () => {
  const listener = { tls: new ChangingSource() }

  test('counts, and is cut when the time for a head is over', async () => {
    await using balancer = await TestBalancer.start([], { listener, timeouts: { headerMs: 100 } })
    using silent = await RawClient.connect(balancer.port)
    using begun = await RawClient.connect(balancer.port)
    begun.send(helloOf('\x03\x03').slice(0, 20))
    await eventually(() => balancer.listener.status().connections === 2)
    await Promise.all([silent.untilEnd(), begun.untilEnd()])
    await eventually(() => balancer.listener.status().connections === 0)
    expect(balancer.events.filter((event) => event === 'idle-timeout')).toHaveLength(2)
  })

  test('counts for the limit of connections', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], {
      listener,
      limits: { maxConnections: 1 },
    })
    using silent = await RawClient.connect(balancer.port)
    await eventually(() => balancer.listener.status().connections === 1)
    expect(await TlsClient.connect(balancer.port).catch(() => 'refused')).toBe('refused')
    silent.socket.destroy()
    await eventually(() => balancer.listener.status().connections === 0)
    using client = await TlsClient.connect(balancer.port)
    await client.ask()
  })

  test.each([
    ['ends', ''],
    ['ends in the middle', helloOf('\x03\x03').slice(0, 20)],
    ['is none', 'GET / HTTP/1.1\r\n\r\n'],
  ])('is gone when it %s', async (_, bytes) => {
    await using balancer = await TestBalancer.start([], { listener })
    using client = await RawClient.connect(balancer.port)
    await eventually(() => balancer.listener.status().connections === 1)
    client.send(bytes).socket.end()
    await eventually(() => balancer.listener.status().connections === 0)
  })

  test('does not delay a draining listener', async () => {
    await using balancer = await TestBalancer.start([], { listener })
    using _silent = await RawClient.connect(balancer.port)
    await eventually(() => balancer.listener.status().connections === 1)
    await balancer.listener.drain()
  })
})

describe.skipIf(process.platform !== 'linux')('a PROXY header in front of the TLS handshake', () => {
  const proxied = { tls: new ChangingSource() }
  const settings = { proxyProtocolFrom: { has: () => true } }

  test.each([
    ['version 1', 'PROXY TCP4 192.0.2.9 127.0.0.1 1 2\r\n'],
    ['version 2', '\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x09\xc6\x33\x64\x01\xdc\x04\x01\xbb'],
  ])('names the client, %s, in however many pieces it comes', async (_, header) => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], { listener: proxied, settings })
    for (const at of [0, 1, 13, header.length - 1]) {
      const socket = net.connect(balancer.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.setNoDelay(true).write(header.slice(0, at), 'latin1')
      // It cannot be observed from outside that the first piece was read.
      await Bun.sleep(at === 0 ? 0 : 20)
      socket.write(header.slice(at), 'latin1')
      using client = await TlsClient.connect(balancer.port, { socket })
      expect(await client.ask()).toStartWith('HTTP/1.1 200 OK\r\n')
    }
    expect(new Set(backend.all.match(/X-Forwarded-\w+: .*/g))).toEqual(
      new Set(['X-Forwarded-For: 192.0.2.9', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: h']),
    )
  })

  test('arrives together with the beginning of the handshake', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], { listener: proxied, settings })
    using client = await RawClient.connect(balancer.port)
    client.send(`PROXY UNKNOWN\r\n${helloOf('\x03\x02')}`)
    // The alert about the version: the runtime has seen the hello from its first byte on.
    expect(Buffer.from(await client.untilEnd(), 'latin1').toString('hex')).toMatch(/^1503..00020246/)
  })

  test.each([
    ['a handshake without it', helloOf('\x03\x03')],
    ['an end in its place', ''],
  ])('is mandatory: %s', async (_, bytes) => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], { listener: proxied, settings })
    using client = await RawClient.connect(balancer.port)
    client.send(bytes)
    if (bytes === '') client.socket.end()
    expect(await client.untilEnd()).toBe('')
    await eventually(() => balancer.listener.status().connections === 0)
  })

  test('has to arrive within the time for a head', async () => {
    await using balancer = await TestBalancer.start([], {
      listener: proxied,
      settings,
      timeouts: { headerMs: 50 },
    })
    using silent = await RawClient.connect(balancer.port)
    using begun = await RawClient.connect(balancer.port)
    begun.send('PROXY TCP4 192').socket.end()
    expect(await silent.untilEnd()).toBe('')
    expect(await begun.untilEnd()).toBe('')
    await eventually(() => balancer.listener.status().connections === 0)
  })
})

test('TLS 1.2 is accepted, 1.1 is refused with an alert', async () => {
  await using backend = await RawBackend.start(answering(OK))
  await using balancer = await TestBalancer.start([backend.path], { listener: { tls: new ChangingSource() } })
  using client = await TlsClient.connect(balancer.port, { maxVersion: 'TLSv1.2' })
  expect(client.socket.getProtocol()).toBe('TLSv1.2')
  using old = await RawClient.connect(balancer.port)
  old.send(helloOf('\x03\x02'))
  // Record type 21, its version, two bytes: fatal, protocol_version (RFC 5246 §7.2).
  expect(Buffer.from(await old.untilEnd(), 'latin1').toString('hex')).toMatch(/^1503..00020246/)
})

test('a large response over TLS waits for a slow reader and arrives whole', async () => {
  const size = 20_000_000
  await using backend = await RawBackend.start(
    answering(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`),
  )
  await using balancer = await TestBalancer.start([backend.path], { listener: { tls: new ChangingSource() } })
  using client = await TlsClient.connect(balancer.port)
  let received = 0
  client.socket.removeAllListeners('data').on('data', (chunk: Buffer) => {
    received += chunk.length
    client.socket.pause()
    setImmediate(() => client.socket.resume())
  })
  client.socket.write(GET)
  await eventually(() => balancer.ended.length === 1, 10_000)
  expect(balancer.ended).toMatchObject([{ status: 200, cause: 'completed' }])
  await eventually(() => received > size)
})

/** A ClientHello that offers that version and one cipher suite of its time (RFC 4346 §7.4.1.2). */
function helloOf(version: string): string {
  const body = `${version}${'r'.repeat(32)}\x00\x00\x02\xc0\x09\x01\x00`
  const handshake = `\x01\x00\x00${String.fromCharCode(body.length)}${body}`
  return `\x16\x03\x01\x00${String.fromCharCode(handshake.length)}${handshake}`
}

describe('a client that speaks the other protocol is told so', () => {
  test.each(['GET', 'HEAD', 'POST', 'PUT', 'CONNECT'])(
    '%s in plain HTTP on a TLS port: 400',
    async (method) => {
      await using backend = await RawBackend.start(answering(OK))
      await using balancer = await TestBalancer.start([backend.path], {
        listener: { tls: new ChangingSource() },
      })
      using client = await RawClient.connect(balancer.port)
      client.send(`${method} / HTTP/1.1\r\nHost: h.test\r\nContent-Length: 3\r\n\r\nabc`)
      expect(await client.untilEnd()).toMatch(
        /^HTTP\/1.1 400 Bad Request\r\n[^]*Connection: close\r\n\r\n400 [^]*https:\/\//,
      )
      expect(backend.all).toBe('')
      using other = await TlsClient.connect(balancer.port)
      expect(await other.ask()).toContain('200 OK')
    },
  )

  test('TLS on a port without: an alert, not an answer in HTTP', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    const refused = await TlsClient.connect(balancer.port).then(
      () => 'connected',
      (error: Error) => error.message,
    )
    expect(refused).toMatch(/alert handshake failure|HANDSHAKE_FAILURE/i)
    using client = await RawClient.connect(balancer.port)
    client.send('\x16\x03\x01\x02\x00\x01')
    expect(await client.untilEnd()).toBe('\x15\x03\x01\x00\x02\x02\x28')
    expect([backend.all, balancer.ended]).toEqual(['', []])
    using garbage = await RawClient.connect(balancer.port)
    garbage.send('\x16ET / HTTP/1.1\r\nHost: h.test\r\n\r\n')
    expect(await garbage.untilEnd()).toStartWith('HTTP/1.1 400 Bad Request\r\n')
  })
})
