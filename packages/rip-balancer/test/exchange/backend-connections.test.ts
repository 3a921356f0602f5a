import { describe, expect, test } from 'bun:test'
import { OK, RawBackend, RawClient, TestBalancer, answering, eventually } from './data-plane.ts'

const GET = 'GET /a HTTP/1.1\r\nHost: h.test\r\n\r\n'
const post = (body: string): string =>
  `POST /p HTTP/1.1\r\nHost: h.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const HEAD_END = '\r\n\r\n'

describe('connections to backends', () => {
  test('are reused, and closed when bytes come unasked', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    await client.send(GET).until((received) => received.split('ok').length === 3)
    expect(backend.received).toHaveLength(1)
    for (const socket of backend.sockets) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison')
    await eventually(() => balancer.events.includes('upstream-unexpected-bytes'))
    await client.send(GET).until((received) => received.split('ok').length === 4)
    expect(client.received).not.toContain('poison')
    expect(backend.received).toHaveLength(2)
  })

  test('that were closed meanwhile are replaced for requests that can be repeated', async () => {
    await using backend = await RawBackend.start((socket, received, connection) => {
      const requests = received.split(HEAD_END).length - 1
      if (connection === 0 && requests > 1) socket.destroy()
      else if (/\r\n\r\n(hi)?$/.test(received)) socket.write(OK)
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    await client
      .send('PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi')
      .until((received) => received.split('ok').length === 3)
    expect(backend.received[1]).toMatch(/^PUT .*\r\n\r\nhi$/s)
    expect(balancer.ended.at(-1)).toMatchObject({ status: 200, retries: 1 })
    expect(balancer.claims.inFlight).toBe(0)
  })

  test('that are reset right after use count as a failure of the backend', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      if (received.includes('POST')) socket.destroy()
      else socket.write(OK)
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    await client.send(post('hi')).untilText('502')
    expect(balancer.claims.outcomes).toEqual(['ok', 'reset'])
  })

  test('that were closed meanwhile are not replaced for a POST, which may have been executed', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      if (received.includes('POST')) socket.destroy()
      else socket.write(OK)
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    await client.send(post('hi')).untilText('502')
    expect(backend.received).toHaveLength(1)
    expect(balancer.ended.at(-1)).toMatchObject({ status: 502, cause: 'backend-reset', retries: 0 })
  })

  test('are new for requests that cannot be repeated, if the backend closes unused ones unannounced', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      if (received.split('HTTP/1.1').length > 2) socket.destroy()
      else if (/\r\n\r\n(hi)?$/.test(received)) socket.write(OK)
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    await client.send(post('hi')).untilText('502')
    for (let answers = 2; answers < 12; answers += 2) {
      client.send(GET)
      await client.until((received) => received.split('ok').length === answers + 1)
      client.send(post('hi'))
      await client.until((received) => received.split('ok').length === answers + 2)
    }
    expect(balancer.ended.filter(({ status }) => status !== 200)).toHaveLength(1)
  })

  test.each([
    ['GET', GET],
    ['PUT', 'PUT / HTTP/1.1\r\nHost: h.test\r\nContent-Length: 2\r\n\r\nhi'],
  ])('that die during a %s send it to another backend, body included', async (_method, request) => {
    await using dying = await RawBackend.start((socket) => socket.destroy())
    await using backend = await RawBackend.start(
      (socket, received) => /\r\n\r\n(hi)?$/.test(received) && socket.write(OK),
    )
    await using balancer = await TestBalancer.start([dying.path, backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(request).untilText('ok')
    expect(balancer.claims.outcomes).toEqual(['reset', 'ok'])
    expect(balancer.ended).toMatchObject([{ status: 200, retries: 1 }])
  })

  test('that die after a long time do not: the request may have been the cause', async () => {
    await using dying = await RawBackend.start((socket) => void setTimeout(() => socket.destroy(), 60))
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([dying.path, backend.path], {
      timeouts: { repeatMs: 20 },
    })
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('502')
    expect(balancer.ended).toMatchObject([{ status: 502, cause: 'backend-reset', retries: 0 }])
  })

  test('that die during a POST do not: it may have been executed', async () => {
    await using dying = await RawBackend.start((socket) => socket.destroy())
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([dying.path, backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(post('hi')).untilText('502')
    expect(balancer.ended).toMatchObject([{ status: 502, cause: 'backend-reset', retries: 0 }])
    expect(backend.received).toEqual([])
  })

  test('that die with the only backend are made again after a moment', async () => {
    let diedAt = Number.POSITIVE_INFINITY
    await using backend = await RawBackend.start((socket, _received, connection) => {
      if (connection === 0) {
        setTimeout(() => {
          diedAt = performance.now()
          socket.destroy()
        }, 30)
      } else if (performance.now() - diedAt < 15) socket.destroy()
      else socket.write(OK)
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    expect(balancer.ended).toMatchObject([{ status: 200, retries: 1 }])
    expect(backend.received).toHaveLength(2)
    expect(balancer.claims.inFlight).toBe(0)
  })

  test('that die each time are given up', async () => {
    await using backend = await RawBackend.start((socket) => socket.destroy())
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('502')
    expect(backend.received).toHaveLength(2)
  })

  test('that wait for another attempt end with their client', async () => {
    await using backend = await RawBackend.start((socket) => socket.destroy())
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    const release = balancer.claims.release.bind(balancer.claims)
    balancer.claims.release = (each, outcome) => {
      release(each, outcome)
      client.socket.destroy()
    }
    client.send(GET)
    await eventually(() => balancer.ended.length === 1)
    expect(balancer.claims.outcomes).toHaveLength(1)
    expect(balancer.ended).toMatchObject([{ cause: 'client-gone' }])
    expect([backend.received.length, balancer.claims.inFlight]).toEqual([1, 0])
  })

  test('that cannot be made send the request to another backend, for any method', async () => {
    await using backend = await RawBackend.start(
      (socket, received) => received.endsWith('hi') && socket.write(OK),
    )
    await using balancer = await TestBalancer.start(['/nonexistent/b.sock', backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(post('hi')).untilText('ok')
    expect(balancer.claims.outcomes).toEqual(['connect-failed', 'ok'])
    expect(balancer.ended).toMatchObject([{ status: 200, retries: 1 }])
  })

  test('that cannot be made anywhere give 502', async () => {
    await using balancer = await TestBalancer.start(['/nonexistent/b.sock'])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('HTTP/1.1 502 ')
    expect(balancer.claims).toMatchObject({ inFlight: 0, outcomes: ['connect-failed'] })
  })

  test('to a retired backend are closed', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    let used: Parameters<typeof balancer.plane.upstreams.retire>[0] | undefined
    const release = balancer.claims.release.bind(balancer.claims)
    balancer.claims.release = (each, outcome) => {
      used = each
      release(each, outcome)
    }
    await client.send(GET).untilText('ok')
    expect(balancer.plane.upstreams.idle).toBe(1)
    balancer.plane.upstreams.retire(used!)
    await eventually(() => backend.sockets.size === 0)
    expect(balancer.plane.upstreams.idle).toBe(0)
  })
})
