import { describe, expect, test } from 'bun:test'
import { OK, RawBackend, RawClient, TestBalancer, answering, eventually } from './data-plane.ts'

const GET = 'GET /a HTTP/1.1\r\nHost: h.test\r\n\r\n'
const post = (body: string): string =>
  `POST /p HTTP/1.1\r\nHost: h.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`

describe('time limits', () => {
  test('a silent backend gives 504', async () => {
    await using backend = await RawBackend.start(() => {})
    await using balancer = await TestBalancer.start([backend.path], { timeouts: { responseMs: 100 } })
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('HTTP/1.1 504 ')
    expect(balancer.claims).toMatchObject({ inFlight: 0, outcomes: ['response-timeout'] })
  })

  test('a request that can be repeated goes from a silent backend to another one', async () => {
    await using silent = await RawBackend.start(() => {})
    await using good = await RawBackend.start(answering(OK))
    const timeouts = { responseMs: 100 }
    await using balancer = await TestBalancer.start([silent.path, good.path], { timeouts })
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    expect(balancer.claims.outcomes).toEqual(['response-timeout', 'ok'])
    expect(balancer.ended).toMatchObject([{ status: 200, retries: 1 }])
  })

  test('a POST that was sent to a silent backend gets 504: it may still be executed', async () => {
    await using silent = await RawBackend.start(() => {})
    await using good = await RawBackend.start(answering(OK))
    const timeouts = { responseMs: 100 }
    await using balancer = await TestBalancer.start([silent.path, good.path], { timeouts })
    using client = await RawClient.connect(balancer.port)
    await client.send(post('hi')).untilText('HTTP/1.1 504 ')
    expect(good.received).toEqual([])
  })

  test('a request that can be repeated goes to another backend when an answer is malformed', async () => {
    await using garbled = await RawBackend.start(answering('this is not HTTP\r\n\r\n'))
    await using good = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([garbled.path, good.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    expect(client.received).toStartWith('HTTP/1.1 200')
    expect(balancer.claims.outcomes).toEqual(['bad-response', 'ok'])
  })

  test('a POST with a malformed answer gets 502: it may have been executed', async () => {
    await using garbled = await RawBackend.start((socket) => void socket.write('this is not HTTP\r\n\r\n'))
    await using good = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([garbled.path, good.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(post('hi')).untilText('HTTP/1.1 502 ')
    expect(good.received).toEqual([])
  })

  test('a request that a backend had for too long is not repeated', async () => {
    await using silent = await RawBackend.start(() => {})
    await using good = await RawBackend.start(answering(OK))
    const timeouts = { responseMs: 100, repeatMs: 50 }
    await using balancer = await TestBalancer.start([silent.path, good.path], { timeouts })
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('HTTP/1.1 504 ')
    expect(good.received).toEqual([])
  })

  test('a backend that falls silent within a body is cut off', async () => {
    await using backend = await RawBackend.start(
      answering('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart'),
    )
    await using balancer = await TestBalancer.start([backend.path], { timeouts: { responseIdleMs: 100 } })
    using client = await RawClient.connect(balancer.port)
    expect(await client.send(GET).untilEnd()).toEndWith('part')
    expect(balancer.ended).toMatchObject([{ status: 200, cause: 'response-timeout' }])
  })

  test('a head that trickles in gives 408 at an absolute deadline', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], { timeouts: { headerMs: 200 } })
    using client = await RawClient.connect(balancer.port)
    client.send('GET / HTTP/1.1\r\nHost: h\r\n')
    const trickle = setInterval(() => client.send('X: y\r\n'), 50)
    const received = await client.untilEnd()
    clearInterval(trickle)
    expect(received).toStartWith('HTTP/1.1 408 ')
    expect(backend.all).toBe('')
  })

  test('a body that stops gives 408 and never completes', async () => {
    await using backend = await RawBackend.start(() => {})
    await using balancer = await TestBalancer.start([backend.path], { timeouts: { bodyIdleMs: 100 } })
    using client = await RawClient.connect(balancer.port)
    client.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf')
    expect(await client.untilEnd()).toStartWith('HTTP/1.1 408 ')
    expect(balancer.ended).toMatchObject([{ cause: 'client-timeout' }])
  })

  test('an idle connection is closed without an answer', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], {
      timeouts: { clientIdleMs: 100, headerMs: 100 },
    })
    using silent = await RawClient.connect(balancer.port)
    expect(await silent.untilEnd()).toBe('')
    using used = await RawClient.connect(balancer.port)
    expect(await used.send(GET).untilEnd()).toEndWith('ok')
  })

  test('empty lines do not keep a connection open on which no request begins', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], {
      timeouts: { clientIdleMs: 300, headerMs: 300 },
    })
    using client = await RawClient.connect(balancer.port)
    const dripping = setInterval(() => client.send('\r\n'), 20)
    using _ = { [Symbol.dispose]: () => clearInterval(dripping) }
    expect(await client.untilEnd()).toBe('')
  })

  test('a client that does not take its response is cut off', async () => {
    const large = `HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n${'x'.repeat(20_000_000)}`
    await using backend = await RawBackend.start(answering(large))
    await using balancer = await TestBalancer.start([backend.path], { timeouts: { writeIdleMs: 200 } })
    using client = await RawClient.connect(balancer.port)
    client.socket.pause()
    client.send(GET)
    await eventually(() => balancer.ended.length === 1)
    expect(balancer.ended).toMatchObject([{ cause: 'client-timeout' }])
    expect(balancer.claims.inFlight).toBe(0)
  })
})
