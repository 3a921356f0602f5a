import { expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { duplicateDescriptor } from '../../src/listener/duplicate-descriptor.ts'
import type { TlsMaterial, TlsSource } from '../../src/listener/tls-source.ts'
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
  // This process is held up, so that nobody accepts before the listener is replaced.
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

test('plain HTTP on a TLS port reaches nobody', async () => {
  await using backend = await RawBackend.start(answering(OK))
  await using balancer = await TestBalancer.start([backend.path], { listener: { tls: new ChangingSource() } })
  const failed = await fetch(`http://127.0.0.1:${balancer.port}/`).catch((error: Error) => error)
  expect(failed).toBeInstanceOf(Error)
  expect(backend.all).toBe('')
})

/** A ClientHello that offers that version and one cipher suite of its time (RFC 4346 §7.4.1.2). */
function helloOf(version: string): string {
  const body = `${version}${'r'.repeat(32)}\x00\x00\x02\xc0\x09\x01\x00`
  const handshake = `\x01\x00\x00${String.fromCharCode(body.length)}${body}`
  return `\x16\x03\x01\x00${String.fromCharCode(handshake.length)}${handshake}`
}
