import { describe, expect, test } from 'bun:test'
import { RawBackend, RawClient, TestBalancer, answering } from './data-plane.ts'

const GET = 'GET /a HTTP/1.1\r\nHost: h.test\r\n\r\n'
const HEAD_END = '\r\n\r\n'

describe('responses', () => {
  test('that require an upgrade keep the name of the protocol', async () => {
    const answer = 'HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n'
    await using backend = await RawBackend.start(answering(`${answer}ok`))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    expect(client.received).toMatch(/^Upgrade: websocket\r$/m)
    expect(client.received).toMatch(/^Connection: Upgrade\r$/m)
    client.send('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    expect(await client.untilEnd()).toMatch(/^Connection: close, Upgrade\r$/m)
  })

  test('of any other kind name no protocol to upgrade to', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nUpgrade: h2\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n'
    await using backend = await RawBackend.start(answering(`${answer}ok`))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    expect(client.received).not.toMatch(/upgrade/i)
  })

  async function relayed(
    response: string,
    request = GET,
  ): Promise<{ received: string; outcomes: readonly string[] }> {
    await using backend = await RawBackend.start((socket) => socket.end(Buffer.from(response, 'latin1')))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send(request)
    client.socket.end()
    const received = await client.untilEnd()
    return { received: received.replace(/Date: [^\r]*\r\n/, ''), outcomes: balancer.claims.outcomes }
  }

  test.each([
    [
      'a length',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
    ],
    [
      'chunks are framed anew',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\nX: y\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ],
    [
      'a body that ends with the connection',
      'HTTP/1.0 200 OK\r\n\r\nok',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ],
    [
      '204 without framing',
      'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\nContent-Type: t\r\n\r\n',
      'HTTP/1.1 204 No Content\r\nContent-Type: t\r\nConnection: close\r\n\r\n',
    ],
    [
      '304 with the length of what it stands for',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nConnection: close\r\n\r\n',
    ],
    [
      '205 without the body it must not have',
      'HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nno',
      'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    ],
    [
      'hop-by-hop fields are dropped',
      'HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: close\r\n\r\n',
    ],
    [
      'interim responses are relayed',
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    ],
    [
      'bytes behind the response are dropped',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\npoison',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
    ],
  ])('%s', async (_name, response, expected) => {
    const { received, outcomes } = await relayed(response)
    expect(received).toBe(expected)
    expect(outcomes).toEqual(['ok'])
  })

  test.each([
    ['garbage', '\0\x01\x02 nothing\r\n\r\n'],
    ['no byte at all', ''],
    ['an end within the head', 'HTTP/1.1 200 OK\r\nX-A: b\r\n'],
    ['an injected line', 'HTTP/1.1 200 OK\r\nX-A: b\nX-B: c\r\nContent-Length: 0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      '101 that nobody asked for',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    ],
    ['interim responses without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(40)],
  ])('%s becomes 502', async (_name, response) => {
    const { received } = await relayed(response)
    expect(received).toMatch(/HTTP\/1\.1 502 Bad Gateway\r\n/)
  })

  test.each([
    ['a length that is too long', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly'],
    ['chunks without an end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n'],
    ['a broken chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\nZ\r\n'],
  ])('%s is cut so that the client can tell', async (_name, response) => {
    const { received } = await relayed(response)
    expect(received).toContain('only')
    expect(received).not.toContain('0\r\n\r\n')
    expect(received.split('HTTP/1.1')).toHaveLength(2)
  })

  test('to HEAD have no body, and a backend that sends one is not used again', async () => {
    await using backend = await RawBackend.start(answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send('HEAD / HTTP/1.1\r\nHost: h\r\n\r\n').untilText(HEAD_END)
    await client.send(GET).until((received) => received.endsWith('ok'))
    expect(client.received.split('ok')).toHaveLength(2)
    expect(backend.received).toHaveLength(2)
  })

  test('to HEAD lose a length that another field contradicts, as frameworks send them', async () => {
    const { received } = await relayed(
      'HTTP/1.1 200 OK\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\nServer: Cowboy\r\n\r\n',
      'HEAD / HTTP/1.1\r\nHost: h\r\n\r\n',
    )
    expect(received).toBe('HTTP/1.1 200 OK\r\nServer: Cowboy\r\nConnection: close\r\n\r\n')
  })

  test('to HTTP/1.0 clients are never chunked', async () => {
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'
    const { received } = await relayed(chunked, 'GET / HTTP/1.0\r\n\r\n')
    expect(received).toBe('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok')
  })

  test('pass trailers to clients that asked for them', async () => {
    const chunked =
      'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: v\r\nContent-Length: 3\r\n\r\n'
    const { received } = await relayed(
      chunked,
      'GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: TE\r\n\r\n',
    )
    expect(received).toEndWith('2\r\nok\r\n0\r\nX-T: v\r\n\r\n')
    expect(received).toContain('Trailer: X-T\r\n')
  })

  test('lose trailers that a Connection option of their head names', async () => {
    const chunked =
      'HTTP/1.1 200 OK\r\nConnection: X-Hop, x-other\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-hop: 2\r\nX-T: v\r\nX-Other: 3\r\n\r\n'
    const { received } = await relayed(
      chunked,
      'GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: TE\r\n\r\n',
    )
    expect(received).not.toContain('Hop')
    expect(received).toEndWith('2\r\nok\r\n0\r\nX-T: v\r\n\r\n')
  })

  test('lose trailers that belong in a head', async () => {
    const kept = ['X-T: v', 'ETag: "e"', 'Server-Timing: db;dur=1']
    const dropped = [
      'WWW-Authenticate: Basic',
      'Authentication-Info: nextnonce=1',
      'Location: /',
      'Retry-After: 1',
      'Vary: *',
      'Expires: 0',
      'Age: 1',
      'Pragma: no-cache',
      'Range: bytes=0-1',
      'If-Match: "e"',
      'If-None-Match: "e"',
      'If-Modified-Since: now',
      'If-Unmodified-Since: now',
      'If-Range: "e"',
      'Accept-Encoding: gzip',
    ]
    const chunked = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${[...dropped, ...kept].join('\r\n')}\r\n\r\n`
    const { received } = await relayed(
      chunked,
      'GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: TE\r\n\r\n',
    )
    expect(received).toEndWith(`0\r\n${kept.join('\r\n')}\r\n\r\n`)
  })

  test.each([
    ['TE: trailers\r\nConnection: TE', true],
    ['TE: gzip;q=0.5, Trailers\r\nConnection: close, te', true],
    ['TE: trailers', false],
    ['TE: x;y="trailers"\r\nConnection: TE', false],
    ['TE: x;y="a, trailers, b"\r\nConnection: TE', false],
    ['TE: trailers;q=0.1\r\nConnection: TE', false],
  ])('pass trailers after %j: %p', async (fields, wanted) => {
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: v\r\n\r\n'
    const { received } = await relayed(chunked, `GET / HTTP/1.1\r\nHost: h\r\n${fields}\r\n\r\n`)
    expect(received.includes('X-T: v')).toBe(wanted)
  })

  test('state their length without zeros in front', async () => {
    const { received } = await relayed('HTTP/1.1 200 OK\r\nContent-Length: 002\r\n\r\nok')
    expect(received).toContain('\r\nContent-Length: 2\r\n')
    expect(received).toEndWith('\r\n\r\nok')
  })

  test('that come before the end of an upload are relayed at once, then the connection closes', async () => {
    await using backend = await RawBackend.start((socket) =>
      socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig'),
    )
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\npart')
    expect(await client.untilEnd()).toEndWith('Connection: close\r\n\r\nbig')
    expect(balancer.ended).toMatchObject([{ status: 413, cause: 'completed' }])
  })
})
