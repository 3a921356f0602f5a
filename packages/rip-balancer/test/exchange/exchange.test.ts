import { describe, expect, test } from 'bun:test'
import { balance } from '../../src/index.ts'
import type { Claimant } from '../../src/pool/claim.ts'
import { OK, RawBackend, RawClient, TestBalancer, answering, eventually } from './data-plane.ts'

const GET = 'GET /a HTTP/1.1\r\nHost: h.test\r\n\r\n'
const post = (body: string): string =>
  `POST /p HTTP/1.1\r\nHost: h.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const PLAIN_FORWARDING = {
  trustedProxies: { has: () => false } as { has(address: string): boolean },
  forwarded: false,
  via: undefined,
  acceptRequestId: false,
  exposeRequestId: true,
  requestTrailers: false,
  clientFields: new Set(['x-who']),
  underscores: 'drop' as 'drop' | 'pass',
}
const HEAD_END = '\r\n\r\n'

describe('requests', () => {
  test('pass with order and case of their fields, plus what the balancer knows', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send('GET /x?y HTTP/1.1\r\nhOsT: h.test\r\nX-B:2\r\nx-a: \t1 \r\nContent-Type: t\r\n\r\n')
    await client.untilText('ok')
    const id = balancer.ended[0]!.requestId
    expect(backend.all).toBe(
      'GET /x?y HTTP/1.1\r\nhOsT: h.test\r\nX-B: 2\r\nx-a: 1\r\nContent-Type: t\r\n' +
        'X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n' +
        `X-Real-Port: ${client.socket.localPort}\r\n` +
        `X-Forwarded-Host: h.test\r\nX-Request-Id: ${id}\r\n\r\n`,
    )
  })

  test('lose fields of the connection, and fields that claim who the client is', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    const dropped = [
      'Connection: keep-alive, X-Hop, Host, X-Forwarded-For',
      'Keep-Alive: timeout=5',
      'X-Hop: 1',
      'Proxy-Connection: close',
      'Proxy-Authorization: Basic eA==',
      'Proxy: http://evil.test',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABk',
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Prefix: /evil',
      'X-Forwarded-Port: 1',
      'X-Forwarded-User: evil',
      'True-Client-IP: 6.6.6.6',
      'X-Client-IP: 6.6.6.6',
      'X-Real-IP: 6.6.6.6',
      'X_Real_IP: 6.6.6.6',
      'X-Real-Port: 6666',
      'Forwarded: for=6.6.6.6',
      'X-Original-URL: /admin',
      'X-Rewrite-URL: /admin',
      'X-Request-Id: chosen-by-client',
    ]
    client.send(`GET / HTTP/1.1\r\nHost: h.test\r\nX-Kept: 1\r\n${dropped.join('\r\n')}\r\n\r\n`)
    await client.untilText('ok')
    const names = backend.all
      .split('\r\n')
      .slice(1, -2)
      .map((line) => line.split(':')[0])
    expect(names).toEqual([
      'Host',
      'X-Kept',
      'X-Forwarded-For',
      'X-Real-IP',
      'X-Forwarded-Proto',
      'X-Real-Port',
      'X-Forwarded-Host',
      'X-Request-Id',
    ])
    expect(backend.all).not.toMatch(/6\.6\.6\.6|6666|evil|chosen/)
  })

  const CLIENT_FIELDS = [
    'CF-Connecting-IP',
    'cf-connecting-ipv6',
    'Fastly-Client-IP',
    'Forwarded-For',
    'X-Forwarded',
  ]
  const MORE_CLIENT_FIELDS = [
    'X-Azure-ClientIP',
    'X-Envoy-External-Address',
    'X-Original-Forwarded-For',
    'X-Our-Client',
  ]

  test.each([true, false])(
    "keep other fields for the client's address only if their peer is trusted: %p",
    async (isTrusted) => {
      await using backend = await RawBackend.start(answering(OK))
      const forwarding = {
        trustedProxies: new Set(isTrusted ? ['127.0.0.1'] : []),
        clientFields: new Set(['x-our-client']),
        forwarded: false,
        via: undefined,
        acceptRequestId: false,
        exposeRequestId: false,
        requestTrailers: false,
        underscores: 'drop' as const,
      }
      await using balancer = await TestBalancer.start([backend.path], { settings: { forwarding } })
      using client = await RawClient.connect(balancer.port)
      const names = [...CLIENT_FIELDS, ...MORE_CLIENT_FIELDS]
      const lines = names.map((name) => `${name}: 6.6.6.6\r\n`).join('')
      client.send(`GET / HTTP/1.1\r\nHost: h.test\r\nX-Ours: 1\r\n${lines}\r\n`)
      await client.untilText('ok')
      expect(backend.all).toContain('X-Ours: 1')
      expect(names.filter((name) => backend.all.includes(`${name}: 6.6.6.6`))).toEqual(isTrusted ? names : [])
    },
  )

  test('of a trusted proxy pass its chain on, beginning with the client', async () => {
    await using backend = await RawBackend.start(answering(OK))
    const trusted = new Set(['127.0.0.1', '10.0.0.1'])
    const forwarding = {
      trustedProxies: trusted,
      forwarded: true,
      via: 'edge',
      acceptRequestId: false,
      clientFields: new Set<string>(),
      exposeRequestId: true,
      requestTrailers: false,
      underscores: 'drop' as const,
    }
    await using balancer = await TestBalancer.start([backend.path], { settings: { forwarding } })
    using client = await RawClient.connect(balancer.port)
    client.send(
      'GET / HTTP/1.1\r\nHost: h.test\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7\r\nX-Forwarded-For: 10.0.0.1\r\n' +
        'X-Forwarded-Proto: https\r\nX-Forwarded-Host: outer.test\r\nX-Request-Id: outer-1\r\n\r\n',
    )
    await client.untilText('ok')
    expect(backend.all).toContain('X-Forwarded-For: 192.0.2.7, 10.0.0.1, 127.0.0.1\r\n')
    expect(backend.all).toContain(
      'X-Real-IP: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer.test\r\n',
    )
    expect(backend.all).toContain(
      'X-Request-Id: outer-1\r\nForwarded: for=192.0.2.7;host="outer.test";proto=https, ' +
        'for=10.0.0.1;host="outer.test";proto=https, for=127.0.0.1;host="outer.test";proto=https\r\nVia: 1.1 edge\r\n',
    )
    expect(client.received).toContain('X-Request-Id: outer-1\r\nVia: 1.1 edge\r\n')
    expect(balancer.ended[0]!.clientAddress).toBe('192.0.2.7')
  })

  test('of a trusted proxy keep Forwarded, beginning with the client, if that field names the client', async () => {
    await using backend = await RawBackend.start(answering(OK))
    const forwarding = {
      trustedProxies: new Set(['127.0.0.1', '10.0.0.1']),
      forwarded: true,
      via: undefined,
      acceptRequestId: false,
      clientFields: new Set<string>(),
      exposeRequestId: true,
      requestTrailers: false,
      underscores: 'drop' as const,
    }
    await using balancer = await TestBalancer.start([backend.path], { settings: { forwarding } })
    using client = await RawClient.connect(balancer.port)
    const told = 'Forwarded: for=6.6.6.6;by="a,b", for="[2001:db8::2]:99";proto=https, for=10.0.0.1\r\n'
    await client.send(`GET / HTTP/1.1\r\nHost: h\r\n${told}\r\n`).untilText('ok')
    expect(backend.all).toContain(
      '\r\nX-Real-IP: 2001:db8::2\r\nX-Forwarded-Proto: https\r\nX-Real-Port: 99\r\n',
    )
    expect(backend.all).toContain(
      '\r\nForwarded: for="[2001:db8::2]:99";proto=https, for=10.0.0.1\r\nForwarded: for=127.0.0.1;host="h";proto=https\r\n',
    )
    const made = 'X-Forwarded-For: 192.0.2.1\r\nForwarded: for=6.6.6.6\r\n'
    const before = backend.all.length
    client.send(`GET / HTTP/1.1\r\nHost: h\r\n${made}\r\n`)
    await client.until((received) => received.split('ok').length === 3)
    expect(backend.all.slice(before)).not.toContain('6.6.6.6')
  })

  test('have the same scheme in both fields, whatever host a trusted proxy sends', async () => {
    await using backend = await RawBackend.start(answering(OK))
    const forwarding = { ...PLAIN_FORWARDING, trustedProxies: new Set(['127.0.0.1']), forwarded: true }
    await using balancer = await TestBalancer.start([backend.path], { settings: { forwarding } })
    using client = await RawClient.connect(balancer.port)
    const told = `X-Forwarded-Proto: https\r\nX-Forwarded-Host: ${'"\\'.repeat(2_000)}\r\n`
    await client.send(`GET / HTTP/1.1\r\nHost: h\r\n${told}\r\n`).untilText('ok')
    expect(backend.all).toContain('\r\nX-Forwarded-Proto: https\r\n')
    expect(backend.all).toContain(
      `\r\nForwarded: for=127.0.0.1;host="${'\\"\\\\'.repeat(2_000)}";proto=https\r\n\r\n`,
    )
  })

  test('lose fields with underscores in their names, which many backends read as hyphens', async () => {
    await using backend = await RawBackend.start(answering(OK))
    const warnings: string[] = []
    await using balancer = await balance(
      { listen: '127.0.0.1:0', to: `unix:${backend.path}` },
      { onWarning: (warning) => void warnings.push(warning) },
    )
    using client = await RawClient.connect(Number(new URL(balancer.url).port))
    const request = 'GET / HTTP/1.1\r\nHost: h\r\napi_key: secret\r\nx_y: secret\r\n\r\n'
    client.send(request).send(request)
    await client.until((received) => received.split('ok').length === 3)
    expect(backend.all).not.toContain('secret')
    expect(warnings).toEqual([expect.stringContaining('the field api_key of a request was left out')])
  })

  test('keep underscores where the backend tells them apart, except in twins of fields the balancer uses', async () => {
    await using backend = await RawBackend.start(answering(OK))
    const forwarding = { ...PLAIN_FORWARDING, underscores: 'pass' as const }
    await using balancer = await TestBalancer.start([backend.path], { settings: { forwarding } })
    using client = await RawClient.connect(balancer.port)
    const twins = [
      'X_Forwarded_For',
      'x-forwarded_for',
      'X_FORWARDED-USER',
      'X_Real_IP',
      'X_Request_Id',
      'Content_Length',
      'Transfer_Encoding',
      'Content_Type',
      'True_Client_Ip',
      'Proxy_Authorization',
      'Max_Forwards',
      'CF_Connecting_IP',
      'X_Who',
    ].map((name) => `${name}: 6`)
    client.send(`GET / HTTP/1.1\r\nHost: h\r\napi_key: 1\r\n${twins.join('\r\n')}\r\n_: 2\r\n\r\n`)
    await client.untilText('ok')
    expect(backend.all).toStartWith('GET / HTTP/1.1\r\nHost: h\r\napi_key: 1\r\n_: 2\r\nX-Forwarded-For: 127')
  })

  test('of HTTP/1.0 without Host get the address of the backend, not of this machine', async () => {
    await using backend = await RawBackend.startOnTcp(answering(OK))
    const { port } = backend
    await using balancer = await balance({ listen: '127.0.0.1:0', to: `127.0.0.1:${port}` })
    using client = await RawClient.connect(Number(new URL(balancer.url).port))
    await client.send('GET / HTTP/1.0\r\n\r\n').untilText('ok')
    expect(backend.all).toStartWith(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-Forwarded-For: `)
  })

  test('of HTTP/1.0 go upstream as HTTP/1.1 and keep the connection only when asked', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send('GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    await client.untilText('Connection: keep-alive\r\n\r\nok')
    client.send('GET /2 HTTP/1.0\r\n\r\n')
    expect(await client.untilEnd()).toEndWith('Connection: close\r\n\r\nok')
    expect(backend.all).toMatch(/^GET \/1 HTTP\/1\.1\r\n.*GET \/2 HTTP\/1\.1\r\n/s)
  })

  test('with a body in pieces arrive whole, with the framing they announced', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      if (received.endsWith('0\r\n\r\n') || received.endsWith('hello')) socket.write(OK)
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    for (const byte of post('hello')) client.send(byte)
    await client.untilText('ok')
    client.send('POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0')
    await eventually(() => backend.all.endsWith('3\r\nabc\r\n'))
    client.send('\r\nX-Trailer: dropped\r\n\r\n')
    await client.until((received) => received.split('ok').length === 3)
    expect(backend.all).toEndWith('3\r\nabc\r\n0\r\n\r\n')
    expect(backend.received).toHaveLength(1)
  })

  test('pass trailers on where that is configured, except those a Connection option names', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      if (received.endsWith('X-T: v\r\n\r\n')) socket.write(OK)
    })
    const forwarding = {
      trustedProxies: { has: () => false },
      forwarded: false,
      via: undefined,
      acceptRequestId: false,
      clientFields: new Set<string>(),
      exposeRequestId: false,
      requestTrailers: true,
      underscores: 'drop' as const,
    }
    await using balancer = await TestBalancer.start([backend.path], { settings: { forwarding } })
    using client = await RawClient.connect(balancer.port)
    client.send(
      'POST / HTTP/1.1\r\nHost: h\r\nConnection: x-hop\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
    )
    await eventually(() => backend.all.endsWith('abc\r\n'))
    await client.send('0\r\nX-Hop: 1\r\nX-T: v\r\n\r\n').untilText('ok')
    expect(backend.all).toEndWith('3\r\nabc\r\n0\r\nX-T: v\r\n\r\n')
    // Nothing of the previous request is remembered.
    client.send(
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Hop: 1\r\nX-T: v\r\n\r\n',
    )
    await client.until((received) => received.split('ok').length === 3)
    expect(backend.all).toEndWith('0\r\nX-Hop: 1\r\nX-T: v\r\n\r\n')
  })

  test('that are pipelined are answered in order, one at a time', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      const target = /GET (\S+)[^]*\r\n\r\n$/.exec(received.slice(received.lastIndexOf('GET')))?.[1]
      if (target === undefined) return
      setTimeout(
        () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<${target[1]}>`),
        target === '/1' ? 20 : 0,
      )
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send(['1', '2', '3'].map((name) => `GET /${name} HTTP/1.1\r\nHost: h\r\n\r\n`).join(''))
    await client.untilText('<3>')
    expect(client.received.match(/<\d>/g)).toEqual(['<1>', '<2>', '<3>'])
  })

  test('that are malformed get one answer and no byte reaches a backend', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send(`GET / HTTP/1.1\r\nHost: h\r\nX A: b\r\n\r\n${GET}`)
    const received = await client.untilEnd()
    expect(received).toStartWith('HTTP/1.1 400 Bad Request\r\n')
    expect(received).toContain('Connection: close\r\n')
    expect(received.split('HTTP/1.1 ')).toHaveLength(2)
    expect(backend.all).toBe('')
    expect(balancer.ended).toMatchObject([{ status: 400, cause: 'bad-request' }])
  })

  test('with a malformed chunk never look complete to the backend', async () => {
    await using backend = await RawBackend.start(() => {})
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nZZ\r\n')
    expect(await client.untilEnd()).toStartWith('HTTP/1.1 400 ')
    expect(backend.all).not.toContain('0\r\n\r\n')
    expect(balancer.claims).toMatchObject({ inFlight: 0, outcomes: ['client-gone'] })
  })

  test('whose client leaves in the middle of the body are refused and never look complete', async () => {
    await using backend = await RawBackend.start(() => {})
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf')
    client.socket.end()
    expect(await client.untilEnd()).toStartWith('HTTP/1.1 400 ')
    await eventually(() => backend.sockets.size === 0)
    expect(backend.all).toEndWith('\r\n\r\nhalf')
  })

  test('beyond the body limit are refused from the head, or while they are counted', async () => {
    await using backend = await RawBackend.start(() => {})
    await using balancer = await TestBalancer.start([backend.path], { limits: { maxBodyBytes: 4 } })
    using declared = await RawClient.connect(balancer.port)
    declared.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n')
    expect(await declared.untilEnd()).toStartWith('HTTP/1.1 413 ')
    expect(backend.all).toBe('')
    using counted = await RawClient.connect(balancer.port)
    counted.send('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
    expect(await counted.untilEnd()).toStartWith('HTTP/1.1 413 ')
  })

  test('in absolute form get their authority as Host and only the path as target', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send('GET http://real.test:81?q HTTP/1.1\r\nHost: other.test\r\n\r\n')
    await client.untilText('ok')
    expect(backend.all).toStartWith('GET /?q HTTP/1.1\r\nHost: real.test:81\r\n')
    expect(backend.all).toContain('X-Forwarded-Host: real.test:81\r\n')
  })

  test('keep their query, except raw bytes beyond ASCII, which become escapes', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    const seen = async (line: string): Promise<string> => {
      const from = backend.all.length
      client.send(`${line}\r\nHost: h.test\r\n\r\n`)
      await eventually(() => backend.all.indexOf(HEAD_END, from) > 0)
      return backend.all.slice(from, backend.all.indexOf('\r\n', from))
    }
    for (const query of ['q=100%', 'discount=50%&page=2', 'q=%u0430', `a="b"&c=<d>\\|^\`{}`, 'q=%00'])
      expect(await seen(`GET /p?${query} HTTP/1.1`)).toBe(`GET /p?${query} HTTP/1.1`)
    expect(await seen('GET /p?a="1"&q=\xd0\xb0%&\xff HTTP/1.1')).toBe('GET /p?a="1"&q=%D0%B0%&%FF HTTP/1.1')
    await eventually(() => balancer.ended.at(-1)?.target === '/p?a="1"&q=%D0%B0%&%FF')
    expect(await seen('GET http://a.test?\xd0\xb0 HTTP/1.1')).toBe('GET /?%D0%B0 HTTP/1.1')
  })

  test('with an unknown method are answered with 501 where that is configured, and no byte goes on', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path], {
      settings: { unknownMethods: 'refuse' },
    })
    for (const method of ['FOO', 'get', 'GETT', 'M-SEARCH!', 'VERSION-CONTROL']) {
      using client = await RawClient.connect(balancer.port)
      client.send(`${method} / HTTP/1.1\r\nHost: h.test\r\nContent-Length: 1\r\n\r\nx`)
      await client.untilText('HTTP/1.1 501 Not Implemented')
      await client.untilText('Connection: close')
    }
    expect(backend.all).toBe('')
    using client = await RawClient.connect(balancer.port)
    for (const method of ['PROPFIND', 'QUERY', 'M-SEARCH', 'DELETE']) {
      client.send(`${method} / HTTP/1.1\r\nHost: h.test\r\n\r\n`)
      await eventually(() => backend.all.includes(`${method} / HTTP/1.1`))
    }
  })

  test('OPTIONS with no hops left is answered by the balancer', async () => {
    await using backend = await RawBackend.start(answering(OK))
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    client.send(
      'OPTIONS * HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: h\r\nMax-Forwards: 2\r\n\r\n',
    )
    await client.untilText('ok')
    expect(backend.all).toContain('Max-Forwards: 1\r\n')
    expect(balancer.ended.map(({ cause }) => cause)).toEqual(['answered', 'completed'])
  })
})

describe('100 Continue', () => {
  const head = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n'

  test('of the backend is relayed, and the body follows', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      socket.write(received.endsWith(HEAD_END) ? 'HTTP/1.1 100 Continue\r\n\r\n' : OK)
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(head).untilText('HTTP/1.1 100 Continue\r\n\r\n')
    await client.send('hi').untilText('ok')
    expect(backend.all).toEndWith('\r\n\r\nhi')
  })

  test('comes from the balancer when the backend stays silent', async () => {
    await using backend = await RawBackend.start(
      (socket, received) => received.endsWith('hi') && socket.write(OK),
    )
    await using balancer = await TestBalancer.start([backend.path], { timeouts: { continueMs: 50 } })
    using client = await RawClient.connect(balancer.port)
    await client.send(head).untilText('HTTP/1.1 100 Continue\r\n\r\n')
    await client.send('hi').untilText('ok')
  })

  test('does not come when the backend refuses', async () => {
    await using backend = await RawBackend.start(
      answering('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'),
    )
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    const received = await client.send(head).untilEnd()
    expect(received).toStartWith('HTTP/1.1 403 ')
    expect(received).toEndWith('Connection: close\r\n\r\nno')
  })
})

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

  test('that were closed meanwhile, and again when made anew, are made once more after a moment', async () => {
    await using backend = await RawBackend.start((socket, received, connection) => {
      const requests = received.split(HEAD_END).length - 1
      if ((connection === 0 && requests > 1) || connection === 1) socket.destroy()
      else socket.write(OK)
    })
    await using balancer = await TestBalancer.start([backend.path])
    using client = await RawClient.connect(balancer.port)
    await client.send(GET).untilText('ok')
    await client.send(GET).until((received) => received.split('ok').length === 3)
    expect(balancer.ended.at(-1)).toMatchObject({ status: 200, retries: 2 })
    expect(backend.received).toHaveLength(3)
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
    client.send(GET)
    await eventually(() => balancer.claims.outcomes.length === 1)
    client.socket.destroy()
    await eventually(() => balancer.ended.length === 1)
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
