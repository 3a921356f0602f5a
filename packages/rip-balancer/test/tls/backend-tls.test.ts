import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { copyFileSync, utimesSync } from 'node:fs'
import net from 'node:net'
import { until } from '@rip/testing'
import type { BackendTlsConfig } from '../../src/settings/backend-tls.ts'
import { AdminClient, BalancerError, balance, createPool, type Balancer } from '../../src/index.ts'
import { TempFolder } from '../servers.ts'
import { ClientHellos } from './client-hellos.ts'
import { TlsBackend, pem, type TlsBackendOptions } from './tls-backend.ts'

// Programs and handshakes take long on a busy machine.
setDefaultTimeout(20_000)

const ANYWHERE = '127.0.0.1:0'
const CA = { ca: pem('authority.crt') }
const SERVER_TLS = { cert: Bun.file(pem('backend.crt')), key: Bun.file(pem('backend.key')) }
const OURS = { cert: pem('client.crt'), key: pem('client.key') }

/** The client's response, and the lines of the log and of standard error about it. */
async function asked(
  to: string,
  backendTls: BackendTlsConfig,
  init: RequestInit = {},
): Promise<{
  status: number
  line: Record<string, unknown>
  warnings: string[]
  backendReason: string | null | undefined
}> {
  let text = ''
  const warnings: string[] = []
  await using lb = await balance(
    { listen: ANYWHERE, to, backendTls, accessLog: 'json' },
    { logSink: { write: (more) => void (text += more) }, onWarning: (each) => void warnings.push(each) },
  )
  const { status } = await fetch(lb.url, init)
  const backendReason = lb.pool.status().backends[0]?.reason
  await lb.close()
  return { status, line: JSON.parse(text) as Record<string, unknown>, warnings, backendReason }
}

const refused: [what: string, backend: TlsBackendOptions, ours: BackendTlsConfig, reason: string][] = [
  ['another name', { certificate: 'elsewhere' }, CA, 'name does not match: .*ERR_TLS_CERT_ALTNAME_INVALID'],
  [
    'a name that is not the one expected',
    {},
    { ...CA, serverName: 'other.test' },
    'name does not match: .*ERR_TLS_CERT_ALTNAME_INVALID',
  ],
  [
    'its own signature',
    { certificate: 'selfsigned' },
    CA,
    'unknown authority: .*DEPTH_ZERO_SELF_SIGNED_CERT',
  ],
  ['an end in the past', { certificate: 'expired' }, CA, 'certificate expired: .*CERT_HAS_EXPIRED'],
  [
    'the signature of somebody else',
    {},
    { ca: pem('other-authority.crt') },
    'unknown authority: .*UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ],
  ['a signature of nobody who is known', {}, {}, 'unknown authority: .*UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
]

describe('a backend whose certificate has', () => {
  for (const [what, options, ours, reason] of refused)
    test(`${what} gets nothing, and the log says why`, async () => {
      await using backend = await TlsBackend.start(options)
      const { status, line, warnings, backendReason } = await asked(backend.address, ours, {
        method: 'POST',
        body: 'secret',
      })
      expect(status).toBe(502)
      expect(line).toMatchObject({ status: 502, outcome: 'connect-failed' })
      expect(line['reason']).toMatch(new RegExp(`^TLS: ${reason}`))
      expect(warnings.map((warning) => warning.replace(/^backend \S+ /, ''))).toEqual([
        expect.stringMatching(new RegExp(`^TLS: ${reason}`)),
        expect.stringMatching(new RegExp(`^cannot be spoken to in TLS: ${reason}.*until that has changed$`)),
      ])
      expect(backendReason).toMatch(new RegExp(`^cannot be spoken to in TLS: ${reason}`))
      expect(backend.received).toBe('')
    })

  test('any of these is named in the log, although another backend answers', async () => {
    await using bad = await TlsBackend.start({ certificate: 'selfsigned' })
    await using good = await TlsBackend.start()
    let text = ''
    const warnings: string[] = []
    const to = [
      { id: 'bad', address: bad.address },
      { id: 'good', address: good.address },
    ]
    await using lb = await balance(
      { listen: ANYWHERE, to, backendTls: CA, accessLog: 'json' },
      { logSink: { write: (more) => void (text += more) }, onWarning: (each) => void warnings.push(each) },
    )
    expect((await fetch(lb.url)).status).toBe(200)
    await lb.close()
    expect(JSON.parse(text)).toMatchObject({ backend: 'good', retries: 1 })
    expect(text).not.toContain('"reason"')
    expect(warnings).toContain(
      'backend bad: TLS: unknown authority: self signed certificate (DEPTH_ZERO_SELF_SIGNED_CERT)',
    )
  })

  test('any of these is accepted when verification is switched off', async () => {
    for (const certificate of ['elsewhere', 'selfsigned', 'expired']) {
      await using backend = await TlsBackend.start({ certificate })
      expect(await asked(backend.address, { verify: false })).toMatchObject({ status: 200, warnings: [] })
    }
  })

  test('none of these is accepted because of the environment', async () => {
    await using backend = await TlsBackend.start({ certificate: 'selfsigned' })
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      expect((await asked(backend.address, CA)).status).toBe(502)
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
    }
  })
})

describe('a backend with a good certificate', () => {
  test('is asked for the host of its address, over connections that are kept', async () => {
    await using backend = await TlsBackend.start()
    await using lb = await balance({
      listen: ANYWHERE,
      to: `https://localhost:${backend.port}`,
      backendTls: CA,
    })
    for (let n = 0; n < 3; n++)
      expect(await (await fetch(lb.url, { headers: { host: 'shop.example' } })).text()).toBe('ok')
    expect([backend.connections, backend.names]).toEqual([1, ['localhost']])
    expect(backend.received).toContain('Host: shop.example\r\n')
    expect(lb.pool.status().backends[0]).toMatchObject({ address: `https://localhost:${backend.port}` })
  })

  test('is asked for another name if one is configured, for all or for itself', async () => {
    await using backend = await TlsBackend.start()
    await using other = await TlsBackend.start({ certificate: 'elsewhere' })
    await using lb = await balance({
      listen: ANYWHERE,
      to: [backend.address, { address: other.address, tls: { serverName: 'elsewhere.test' } }],
      backendTls: { ...CA, serverName: 'backend.test' },
    })
    for (let n = 0; n < 2; n++) expect((await fetch(lb.url)).status).toBe(200)
    expect([...backend.names, ...other.names]).toEqual(['backend.test', 'elsewhere.test'])
  })

  test.each([
    ['the balancer', undefined],
    ['the balancer where the address is what is verified', '127.0.0.1'],
  ])('on an IP address gets no SNI, and is verified: %s', async (_, serverName) => {
    await using hello = await ClientHellos.start()
    await using backend = await TlsBackend.start()
    const backendTls = { ...CA, ...(serverName && { serverName }) }
    expect((await asked(hello.address, backendTls)).status).toBe(502)
    expect((await asked(hello.address.replace('127.0.0.1', 'localhost'), CA)).status).toBe(502)
    expect(hello.names).toEqual([undefined, 'localhost'])
    expect((await asked(backend.address, backendTls)).status).toBe(200)
    expect(backend.names).toEqual([false])
  })

  test('on an IP address gets no SNI from a pool and from health checks either', async () => {
    await using hello = await ClientHellos.start()
    await using pool = createPool({
      to: hello.address,
      backendTls: CA,
      health: { path: '/up', interval: 20 },
    })
    await until('a health check', () => hello.names.length > 0)
    await pool.fetch(new Request('http://shop.example/'))
    expect(new Set(hello.names)).toEqual(new Set([undefined]))
  })

  test.each([
    ['backend', '127.0.0.1', 200],
    ['backend', '10.0.0.5', 502],
    ['backend', '::1', 502],
    ['selfsigned', '127.0.0.1', 502],
    ['expired', '127.0.0.1', 502],
    ['elsewhere', '127.0.0.1', 502],
  ])(
    'reached by a name is verified for the address it is expected to have: %s, %s',
    async (certificate, serverName, status) => {
      await using backend = await TlsBackend.start({ certificate })
      const to = `https://localhost:${backend.port}`
      const { status: answered, line } = await asked(to, { ...CA, serverName })
      expect(answered).toBe(status)
      if (status === 502)
        expect(line['reason']).toMatch(
          /^TLS: (?:certificate expired|unknown authority|name does not match): /,
        )
      else expect(backend.names).toEqual([false])
      expect(backend.received === '').toBe(status === 502)
    },
  )

  test('receives bodies and sends answers of any size', async () => {
    const big = 'x'.repeat(3_000_000)
    using server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      tls: SERVER_TLS,
      fetch: async (request) => new Response(`${(await request.text()).length} ${big}`),
    })
    await using lb = await balance({
      listen: ANYWHERE,
      to: `https://127.0.0.1:${server.port}`,
      backendTls: CA,
    })
    const answers = await Promise.all(
      Array.from({ length: 4 }, async () => (await fetch(lb.url, { method: 'POST', body: big })).text()),
    )
    expect(new Set(answers)).toEqual(new Set([`${big.length} ${big}`]))
  })

  test('is held back while the client does not read, and loses nothing', async () => {
    const body = new Uint8Array(randomBytes(20_000_000))
    using server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      tls: SERVER_TLS,
      fetch: () => new Response(body),
    })
    await using lb = await balance({
      listen: ANYWHERE,
      to: `https://127.0.0.1:${server.port}`,
      backendTls: CA,
    })
    const client = net.connect(Number(new URL(lb.url).port), '127.0.0.1')
    const hash = createHash('sha256')
    let headEnd = -1
    let received = 0
    client.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    for await (const chunk of client as AsyncIterable<Buffer>) {
      const from = headEnd < 0 ? (headEnd = chunk.indexOf('\r\n\r\n') + 4) : 0
      hash.update(chunk.subarray(from))
      if ((received += chunk.length) < 2_000_000) await Bun.sleep(20)
    }
    expect(hash.digest('hex')).toBe(createHash('sha256').update(body).digest('hex'))
  })

  test('can be reached by WebSockets', async () => {
    using server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      tls: SERVER_TLS,
      fetch: (request, self) => (self.upgrade(request) ? undefined : new Response('no')),
      websocket: { message: (socket, message) => void socket.send(`heard ${String(message)}`) },
    })
    await using lb = await balance({
      listen: ANYWHERE,
      to: `https://127.0.0.1:${server.port}`,
      backendTls: CA,
    })
    const socket = new WebSocket(lb.url.replace('http', 'ws'))
    const heard = new Promise((resolve) => (socket.onmessage = ({ data }) => resolve(data)))
    socket.onopen = () => socket.send('hello')
    expect(await heard).toBe('heard hello')
    socket.close()
  })

  test('has to finish its handshake within the time for connecting', async () => {
    const silent = net.createServer((socket) => void socket.on('error', () => {}))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const to = `https://127.0.0.1:${(silent.address() as net.AddressInfo).port}`
    let text = ''
    await using lb = await balance(
      { listen: ANYWHERE, to, backendTls: CA, timeouts: { connect: 150 }, accessLog: 'json' },
      { logSink: { write: (more) => void (text += more) } },
    )
    expect((await fetch(lb.url)).status).toBe(504)
    await lb.close()
    expect(JSON.parse(text)).toMatchObject({ outcome: 'connect-timeout' })
    silent.close()
  })

  test('and a wrong scheme give a log line that says what is wrong', async () => {
    const plain = net.createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    })
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
    const { port } = plain.address() as net.AddressInfo
    const { status, line } = await asked(`https://127.0.0.1:${port}`, CA)
    expect([status, line['reason']]).toEqual([502, expect.stringContaining('WRONG_VERSION_NUMBER')])
    plain.close()
  })
})

describe('a backend that asks for a certificate', () => {
  test('gets ours', async () => {
    await using backend = await TlsBackend.start({ asksForCertificate: true })
    expect(await asked(backend.address, { ...CA, ...OURS })).toMatchObject({ status: 200, warnings: [] })
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'refuses the connection without one, and the log says why: %s',
    async (maxVersion) => {
      await using backend = await TlsBackend.start({ asksForCertificate: true, maxVersion })
      const { status, line, warnings } = await asked(backend.address, CA, { method: 'POST', body: 'x' })
      expect(status).toBe(502)
      expect(line['reason']).toMatch(/^TLS: .*ALERT/)
      expect(warnings.filter((warning) => /^backend \S+: TLS: .*ALERT/.test(warning))).toHaveLength(1)
      expect(backend.received).toBe('')
    },
  )
})

describe('files', () => {
  test.each([
    [{ ca: '/nowhere/ca.pem' }, 'backendTls: /nowhere/ca.pem cannot be used: ENOENT'],
    [{ ca: pem('make.sh') }, 'make.sh cannot be used: '],
    [{ cert: pem('client.crt') }, 'backendTls: cert and key go together'],
    [{ cert: pem('client.crt'), key: pem('backend.key') }, 'cannot be used: '],
  ])('that cannot be used refuse the configuration: %p', async (backendTls, problem) => {
    const refusals = [
      () => balance({ listen: ANYWHERE, backendTls }),
      () => balance({ listen: ANYWHERE, to: { address: 'https://a:1', tls: backendTls } }),
      async () => createPool({ to: 'https://a:1', backendTls }),
    ]
    for (const refusal of refusals) {
      const error = await refusal().catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(BalancerError)
      expect(error).toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(problem.replace('backendTls', '')),
      })
    }
  })

  test('that change are read again, without a reload', async () => {
    using folder = new TempFolder()
    const ca = folder.file('ca.pem')
    copyFileSync(pem('other-authority.crt'), ca)
    await using backend = await TlsBackend.start()
    await using lb = await balance({ listen: ANYWHERE, to: backend.address, backendTls: { ca } })
    expect((await fetch(lb.url)).status).toBe(502)
    copyFileSync(pem('authority.crt'), ca)
    utimesSync(ca, new Date(), new Date(Date.now() + 5_000))
    await until('the new authority is believed', async () => (await fetch(lb.url)).status === 200)
  })
})

describe('changes at run time', () => {
  const stateOf = (lb: Balancer): unknown => lb.pool.status().backends[0]?.state

  test('another authority counts from a reload on, also for kept connections', async () => {
    await using backend = await TlsBackend.start()
    const config = { listen: ANYWHERE, to: backend.address, retries: 0 }
    await using lb = await balance({ ...config, backendTls: CA })
    expect((await fetch(lb.url)).status).toBe(200)
    await lb.reload({ ...config, backendTls: { ca: pem('other-authority.crt') } })
    expect((await fetch(lb.url, { headers: { connection: 'close' } })).status).toBe(502)
    await lb.reload({ ...config, backendTls: CA })
    await until('the first one is believed again', async () => (await fetch(lb.url)).status === 200)
  })

  test('the admin API accepts backends with their own TLS options', async () => {
    using folder = new TempFolder()
    await using backend = await TlsBackend.start()
    await using other = await TlsBackend.start({ certificate: 'elsewhere' })
    const socket = folder.file('admin.sock')
    await using lb = await balance({ listen: ANYWHERE, admin: `unix:${socket}`, backendTls: CA })
    const admin = new AdminClient({ socket })
    await admin.replace([{ id: 'a', address: backend.address }])
    expect((await fetch(lb.url)).status).toBe(200)
    const tls = { serverName: 'elsewhere.test' }
    await admin.replace([{ id: 'b', address: other.address, tls }])
    expect((await fetch(lb.url)).status).toBe(200)
    expect(other.names).toEqual(['elsewhere.test'])
    for (const wrong of [
      { id: 'c', address: '127.0.0.1:1', tls },
      { id: 'c', address: other.address, tls: { ca: 7 } },
    ])
      expect(await admin.replace([wrong as never]).catch((error: BalancerError) => error.code)).toBe(
        'ADMIN_REFUSED',
      )
  })

  test('a prepared backend that does not prove its identity is put aside before the cut', async () => {
    using folder = new TempFolder()
    await using good = await TlsBackend.start()
    await using bad = await TlsBackend.start({ certificate: 'selfsigned' })
    const socket = folder.file('admin.sock')
    await using lb = await balance({ listen: ANYWHERE, admin: `unix:${socket}`, backendTls: CA })
    const admin = new AdminClient({ socket })
    await admin.prepare('g', [
      { id: 'good', address: good.address },
      { id: 'bad', address: bad.address },
    ])
    expect(lb.pool.status().backends.map(({ state, reason }) => [state, reason])).toEqual([
      ['prepared', null],
      ['ejected', expect.stringContaining('cannot be spoken to in TLS: unknown authority')],
    ])
  })

  test('a backend comes back by itself when it proves its identity', async () => {
    using folder = new TempFolder()
    const [cert, key] = [folder.file('cert'), folder.file('key')]
    const use = (name: string): void => {
      copyFileSync(pem(`${name}.crt`), cert)
      copyFileSync(pem(`${name}.key`), key)
    }
    use('selfsigned')
    await using front = await balance({
      listen: { address: ANYWHERE, tls: { cert, key } },
      to: 'unix:/nowhere/app.sock',
    })
    const to = front.url
    await using lb = await balance({ listen: ANYWHERE, to, backendTls: CA, ejection: { min: 20, max: 50 } })
    expect((await fetch(lb.url)).status).toBe(502)
    expect(stateOf(lb)).toBe('ejected')
    use('backend')
    await until('it is back', () => stateOf(lb) === 'serving')
  })
})

describe('health checks', () => {
  const health = { path: '/up', interval: 20, fall: 1, rise: 1 }

  test('of secure backends verify them as well, and say what is wrong', async () => {
    await using good = await TlsBackend.start()
    await using bad = await TlsBackend.start({ certificate: 'elsewhere' })
    const warnings: string[] = []
    await using lb = await balance(
      { listen: ANYWHERE, to: [good.address, bad.address], backendTls: CA, health },
      { onWarning: (warning) => void warnings.push(warning) },
    )
    await until('the impostor is taken out', () => lb.pool.status().backends[1]?.state === 'unhealthy')
    await until('the other one is asked', () => good.received.includes('GET /up HTTP/1.1'))
    expect(lb.pool.status().backends[0]?.state).toBe('serving')
    expect(warnings.join('\n')).toContain('health check failed: TLS: ')
  })

  test('can speak TLS to a port of their own', async () => {
    await using checks = await TlsBackend.start()
    using backend = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('app') })
    await using lb = await balance({
      listen: ANYWHERE,
      to: `127.0.0.1:${backend.port}`,
      backendTls: CA,
      health: { ...health, port: checks.port, tls: true },
    })
    await until('checks pass', () => checks.received.split('GET /up').length > 3)
    expect(await (await fetch(lb.url)).text()).toBe('app')
  })
})

describe('a pool without a listener', () => {
  test('verifies its backends, and reports why one gets nothing', async () => {
    await using good = await TlsBackend.start()
    await using pool = createPool({ to: good.address, backendTls: CA })
    const request = (): Request => new Request('http://shop.example/')
    expect(await (await pool.fetch(request())).text()).toBe('ok')
    expect(good.received).toContain('Host: shop.example\r\n')
    for (const certificate of ['elsewhere', 'selfsigned', 'expired']) {
      await using bad = await TlsBackend.start({ certificate })
      const warnings: string[] = []
      const onWarning = (warning: string): void => void warnings.push(warning)
      await using wary = createPool({ to: bad.address, backendTls: CA }, { onWarning })
      expect((await wary.fetch(request())).status).toBe(502)
      expect(warnings.join()).toMatch(/TLS: .*CERT/)
      expect(bad.received).toBe('')
    }
  })

  test('shows a backend the certificate it asks for', async () => {
    await using backend = await TlsBackend.start({ asksForCertificate: true })
    await using pool = createPool({ to: backend.address, backendTls: { ...CA, ...OURS } })
    expect((await pool.fetch(new Request('http://shop.example/'))).status).toBe(200)
    await using without = createPool({ to: backend.address, backendTls: CA })
    expect((await without.fetch(new Request('http://shop.example/'))).status).toBe(502)
  })
})
