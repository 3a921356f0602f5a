import { describe, expect, test } from 'bun:test'
import type { Claimant } from '../../src/pool/claim.ts'
import { OK, RawBackend, RawClient, TestBalancer, answering, eventually } from './data-plane.ts'

const GET = 'GET /a HTTP/1.1\r\nHost: h.test\r\n\r\n'

describe('clients that leave', () => {
  test('free their place in the queue at once', async () => {
    const queued: Claimant[] = []
    const claim = (claimant: Claimant): 'queued' => (queued.push(claimant), 'queued')
    await using balancer = await TestBalancer.start(['/nonexistent/b.sock'], { claim })
    using client = await RawClient.connect(balancer.port)
    client.send(GET)
    await eventually(() => queued.length === 1)
    client.socket.destroy()
    await eventually(() => balancer.claims.withdrawn.length === 1)
    expect(balancer.ended).toMatchObject([{ status: 499, cause: 'client-gone' }])
  })

  test('end the request at the backend', async () => {
    await using backend = await RawBackend.start(() => {})
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send(GET)
    await eventually(() => backend.all !== '')
    client.socket.resetAndDestroy()
    await eventually(() => backend.sockets.size === 0)
    expect(balancer.claims).toMatchObject({ inFlight: 0, outcomes: ['client-gone'] })
  })

  test('but still read get their response', async () => {
    await using backend = await RawBackend.start((socket) => setTimeout(() => socket.write(OK), 30))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send(GET)
    client.socket.end()
    expect(await client.untilEnd()).toEndWith('ok')
  })
})

test('a refused claim gives 503 with Retry-After', async () => {
  await using balancer = await TestBalancer.start(['/nonexistent/b.sock'], { claim: () => 'queue-full' })
  using client = await RawClient.connect(balancer.port)
  const received = await client.send(GET).untilText('503\n')
  expect(received).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n.*Retry-After: 1\r\n/s)
  expect(received).not.toContain('Connection: close')
})

describe('hooks', () => {
  test('edit requests and responses, and may answer', async () => {
    await using backend = await RawBackend.start(
      answering('HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 2\r\n\r\nok'),
    )
    await using balancer = await TestBalancer.start([backend.path], {
      settings: {
        hooks: {
          onRequest(request) {
            if (request.target === '/no') return { status: 403, headers: { 'X-Why': 'hook' }, body: 'no' }
            request.headers.set('X-Tenant', request.host)
            request.headers.delete('cookie')
            return undefined
          },
          onResponse(response) {
            response.headers.delete('Server')
            response.headers.append('X-Backend', 'b')
          },
        },
      },
    })
    using client = await RawClient.connect(balancer.port)
    client.send('GET / HTTP/1.1\r\nHost: h.test\r\nCookie: a=b\r\n\r\n')
    await client.untilText('ok')
    expect(backend.all).toContain('X-Tenant: h.test\r\n')
    expect(backend.all).not.toContain('Cookie')
    expect(client.received).toContain('X-Backend: b\r\n')
    expect(client.received).not.toContain('Server')
    await client.send('GET /no HTTP/1.1\r\nHost: h\r\n\r\n').untilText('no')
    expect(client.received).toContain('HTTP/1.1 403 Forbidden\r\n')
  })

  test('that throw fail only their exchange', async () => {
    await using backend = await RawBackend.start(answering(OK))
    const hooks = {
      onRequest: (request: {
        target: string
        headers: { set(name: string, value: string): void }
      }): undefined => {
        if (request.target === '/throw') request.headers.set('Bad Name', 'x')
        return undefined
      },
    }
    await using balancer = await TestBalancer.start([backend.path], { settings: { hooks } })
    using client = await RawClient.connect(balancer.port)
    await client.send('GET /throw HTTP/1.1\r\nHost: h\r\n\r\n').untilText('500')
    await client.send(GET).untilText('ok')
  })
})
