/** Health checks of backends that speak HTTP/2 only. */
import { describe, expect, test } from 'bun:test'
import net from 'node:net'
import { parseBackendAddress } from '../../src/config/address.ts'
import { FLAG, FRAME } from '../../src/http2/frame-type.ts'
import { illnessOf } from '../../src/pool/health-check.ts'
import { reachWith } from '../../src/pool/reach.ts'
import type { HealthSettings } from '../../src/settings/health.ts'
import { BackendTlsSettings } from '../../src/tls/backend-tls.ts'
import { frame, numbers } from '../http2/frames.ts'
import { FrameBackend, type Reaction } from '../upstream/frame-backend.ts'

const HEALTH: HealthSettings = { path: '/up', intervalMs: 1_000, timeoutMs: 5_000, rise: 2, fall: 3 }
const TLS = new BackendTlsSettings()

async function ask(reaction: Reaction, health: Partial<HealthSettings> = {}): Promise<string | undefined> {
  await using backend = await FrameBackend.listen(reaction)
  return await illnessOf(parseBackendAddress(backend.address)!, { ...HEALTH, ...health }, TLS)
}

const answering =
  (status: string, body: string): Reaction =>
  ({ type, stream }, connection) => {
    if (type === FRAME.headers) connection.answer(stream, body, [[':status', status]])
  }

describe('a health check of a backend that speaks HTTP/2 only', () => {
  test('is a request of HTTP/2 with the configured method, host and path, and nothing of a client', async () => {
    let fields: Record<string, string> = {}
    const illness = await ask(
      (seen, connection) => {
        if (seen.type !== FRAME.headers) return
        fields = connection.fieldsOf(seen)
        connection.write(
          connection.headers(seen.stream, [[':status', '204']], FLAG.endHeaders | FLAG.endStream),
        )
      },
      { method: 'HEAD', path: '/up?deep=1', host: 'shop.example' },
    )
    expect(illness).toBeUndefined()
    expect(fields).toEqual({
      ':method': 'HEAD',
      ':scheme': 'http',
      ':path': '/up?deep=1',
      ':authority': 'shop.example',
      'user-agent': 'rip-balancer',
      accept: '*/*',
    })
  })

  test('passes with the status and the text that are expected, and says what is wrong otherwise', async () => {
    expect(await ask(answering('200', 'all is well'), { body: 'well' })).toBeUndefined()
    expect(await ask(answering('200', 'ill'), { body: 'well' })).toBe(
      'its answer does not contain the text of health.body',
    )
    expect(await ask(answering('503', ''))).toBe('status 503')
    expect(await ask(answering('2x0', ''))).toBe(
      'the answer is not valid HTTP: it has a first line other than HTTP/1.1 with a status from 100 to 599, and CRLF behind it',
    )
    expect(
      await ask(({ type, stream }, connection) => {
        if (type === FRAME.headers) connection.write(frame(FRAME.resetStream, 0, stream, numbers(2)))
      }),
    ).toBe('the backend has reset the stream: INTERNAL_ERROR')
    expect(await ask(() => {}, { timeoutMs: 50 })).toBe('timed out after 0.05 s')
  })

  test('does not pass where HTTP/1.1 is spoken', async () => {
    const server = net.createServer((socket) =>
      socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as net.AddressInfo
    const address = parseBackendAddress(`h2c://127.0.0.1:${port}`)!
    expect(await illnessOf(address, HEALTH, TLS)).toBeString()
    expect((await reachWith(() => TLS)(address, 5_000)).reached).toBe(false)
    server.close()
  })

  test('is made in HTTP/1.1 at a port of its own', async () => {
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('ok') })
    expect(await ask(() => {}, { port: server.port! })).toBeUndefined()
    await server.stop(true)
  })

  test('leaves no connection behind', async () => {
    await using backend = await FrameBackend.listen(answering('200', 'ok'))
    const address = parseBackendAddress(backend.address)!
    await illnessOf(address, HEALTH, TLS)
    expect((await reachWith(() => TLS)(address, 5_000)).reached).toBe(true)
    for (const { socket } of backend.connections)
      if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
    expect(backend.connections).toHaveLength(2)
  })
})
