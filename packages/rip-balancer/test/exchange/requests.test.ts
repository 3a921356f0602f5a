import { describe, expect, test } from 'bun:test'
import { balance } from '../../src/index.ts'
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

  const WAY_FIELDS = [
    'X-Url-Scheme',
    'X-Scheme',
    'CF-Visitor',
    'CloudFront-Forwarded-Proto',
    'X-Original-Proto',
  ]
  const MORE_WAY_FIELDS = ['X-Script-Name', 'X-Host', 'Forwarded-Host', 'X-Original-For', 'Front-End-Https']

  test.each([true, false])(
    'keep other fields for the way on which they came only if their peer is trusted: %p',
    async (isTrusted) => {
      await using backend = await RawBackend.start(answering(OK))
      const forwarding = { ...PLAIN_FORWARDING, trustedProxies: new Set(isTrusted ? ['127.0.0.1'] : []) }
      await using balancer = await TestBalancer.start([backend.path], { settings: { forwarding } })
      using client = await RawClient.connect(balancer.port)
      const names = [...WAY_FIELDS, ...MORE_WAY_FIELDS]
      const lines = names.map((name) => `${name}: https\r\n`).join('')
      client.send(`GET / HTTP/1.1\r\nHost: h.test\r\nX-Ours: 1\r\n${lines}\r\n`)
      await client.untilText('ok')
      expect(backend.all).toContain('X-Ours: 1')
      expect(names.filter((name) => backend.all.includes(`\n${name}: https`))).toEqual(isTrusted ? names : [])
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
      if (received.endsWith('\r\n0\r\n\r\n') || received.endsWith('hello')) socket.write(OK)
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
