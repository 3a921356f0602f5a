import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { writeFileSync } from 'node:fs'
import { until } from '@rip/testing'
import { AdminClient, balance, createBalancer, type ExchangeRecord } from '../src/index.ts'
import { listenFailure } from '../src/errors.ts'
import { RawClient } from './exchange/data-plane.ts'
import { StickyNames } from '../src/pool/sticky-names.ts'
import { TempFolder, TestBackend, named } from './servers.ts'
import { thrown } from './thrown.ts'

const get = async (url: string, headers: Record<string, string> = {}): Promise<string> =>
  (await fetch(url, { headers })).text()

describe('balance', () => {
  test('takes the backends in turn', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    await using lb = await balance({ listen: '127.0.0.1:0', to: [a.address, b.address] })
    const seen = [await get(lb.url), await get(lb.url), await get(lb.url), await get(lb.url)]
    expect(seen.toSorted()).toEqual(['a', 'a', 'b', 'b'])
    expect(lb.status()).toMatchObject({ requests: 4, serverErrors: 0 })
  })

  test('says which address is taken', async () => {
    using taken = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    const listen = `127.0.0.1:${taken.port}`
    const error = await thrown(() => balance({ listen }))
    expect(error).toMatchObject({ code: 'ADDRESS_IN_USE' })
    expect(error.message).toContain(listen)
  })

  test.each([
    ['unix:/nowhere/front.sock', 'its folder does not exist'],
    ['192.0.2.1:0', 'this machine does not have that address'],
  ])('says why it cannot listen on %s', async (listen, reason) => {
    const error = await thrown(() => balance({ listen }))
    expect(error).toMatchObject({ code: 'LISTEN_FAILED' })
    expect(error.message).toContain(`cannot listen on ${listen}: `)
    expect(error.message).toContain(reason)
  })

  test.each([
    [
      'EACCES',
      'it is not allowed; choose a port above 1023 or a writable folder, or grant CAP_NET_BIND_SERVICE',
    ],
    [
      'EPERM',
      'it is not allowed; choose a port above 1023 or a writable folder, or grant CAP_NET_BIND_SERVICE',
    ],
    ['EINVAL', 'the path is too long for a socket; choose a shorter one'],
    ['ENAMETOOLONG', 'the path is too long for a socket; choose a shorter one'],
    ['EMFILE', 'as the system says it'],
  ])('says what helps when the system answers %s', (code, reason) => {
    const failure = listenFailure('0.0.0.0:80', Object.assign(new Error('as the system says it'), { code }))
    expect(failure.message).toBe(`cannot listen on 0.0.0.0:80: ${reason}`)
  })

  test('answers with a page of its own when no backend can be reached', async () => {
    await using lb = await balance({ listen: '127.0.0.1:0', to: 'unix:/nowhere/app.sock' })
    const response = await fetch(lb.url, { headers: { accept: 'application/json' } })
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({
      status: 502,
      requestId: response.headers.get('x-request-id'),
    })
    expect(await get(lb.url, { accept: 'text/html' })).toStartWith('<!doctype html>')
  })

  test('keeps a client with its backend by a cookie', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    await using lb = await balance({ listen: '127.0.0.1:0', to: [a.address, b.address], policy: 'sticky' })
    const first = await fetch(lb.url)
    const cookie = first.headers.get('set-cookie')?.split(';')[0] ?? ''
    const name = await first.text()
    for (let n = 0; n < 4; n++) {
      const again = await fetch(lb.url, { headers: { cookie: `x=1; ${cookie}` } })
      expect([await again.text(), again.headers.get('set-cookie')]).toEqual([name, null])
    }
  })

  test('lets a forged cookie choose among the backends in rotation, and nothing else', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using hidden = named(folder, 'hidden')
    const key = 'known to the attacker, here'
    await using lb = await balance({
      listen: '127.0.0.1:0',
      to: a.address,
      policy: 'sticky',
      stickyCookie: { key },
    })
    const address = { kind: 'unix', path: hidden.address.slice('unix:'.length) } as const
    const [other] = lb.pool.prepare('next', [{ id: 'hidden', address, maxInFlight: 1, weight: 1 }])
    const names = new StickyNames(key)
    for (const value of [names.of(other!), 'nonsense', '', '../../etc/passwd']) {
      const response = await fetch(lb.url, { headers: { cookie: `rip-backend=${value}` } })
      expect(await response.text()).toBe('a')
      expect(response.headers.get('set-cookie')).toContain(`rip-backend=${names.of(lb.pool.backends[0]!)};`)
    }
  })

  test('sends requests with the same key to the same backend', async () => {
    using folder = new TempFolder()
    const backends = ['a', 'b', 'c'].map((name) => named(folder, name))
    const to = backends.map(({ address }) => address)
    await using lb = await balance({ listen: '127.0.0.1:0', to, policy: 'hash', hashKey: 'header:X-User' })
    const of = (user: string): Promise<string> => get(lb.url, { 'x-user': user })
    const users = Array.from({ length: 20 }, (_, n) => `user-${n}`)
    const homes: string[] = []
    for (const user of users) homes.push(await of(user))
    for (const [n, user] of users.entries()) expect(await of(user)).toBe(homes[n]!)
    expect(new Set(homes).size).toBe(3)
    for (const backend of backends) await backend[Symbol.asyncDispose]()
  })

  test('lets requests finish in a drain', async () => {
    using folder = new TempFolder()
    const gate = Promise.withResolvers<Response>()
    await using slow = new TestBackend(folder.file('slow.sock'), () => gate.promise)
    await using lb = await balance({ listen: '127.0.0.1:0', to: slow.address })
    const answer = get(lb.url)
    await until('the request reached the backend', () => slow.requests === 1)
    const drained = lb.drain()
    gate.resolve(new Response('finished'))
    expect(await answer).toBe('finished')
    await drained
    expect((await thrown(() => lb.start())).code).toBe('CLOSED')
  })

  test('that is closed or drained while it starts, or before, says so and leaves nothing open', async () => {
    using folder = new TempFolder()
    const config = {
      listen: '127.0.0.1:0',
      admin: `unix:${folder.file('admin.sock')}`,
      health: { path: '/health' },
    }
    const closed = createBalancer(config)
    const start = thrown(() => closed.start())
    await closed.close()
    expect((await start).code).toBe('CLOSED')
    const drained = createBalancer(config)
    const drain = drained.drain()
    expect((await thrown(() => drained.start())).code).toBe('CLOSED')
    expect(await drain).toMatchObject({ abandoned: 0 })
    await using next = await balance(config)
    expect(next.status().ready).toBe(true)
  })

  test('that drains does not begin to listen because it gets backends', async () => {
    await using lb = createBalancer({ listen: '127.0.0.1:0', acceptWhenRouted: true })
    await lb.start()
    expect(lb.url).toEndWith(':0')
    const drained = lb.drain()
    lb.pool.prepare('g', [])
    lb.pool.cut('g')
    await drained
    expect(lb.url).toEndWith(':0')
  })

  test('drains for as long as it is configured to', async () => {
    using folder = new TempFolder()
    const gates = [Promise.withResolvers<Response>(), Promise.withResolvers<Response>()]
    let asked = 0
    await using slow = new TestBackend(folder.file('slow.sock'), () => gates[asked++]!.promise)
    const config = { listen: '127.0.0.1:0', to: slow.address }
    await using hasty = await balance({ ...config, timeouts: { drain: '20ms' } })
    await using patient = await balance({ ...config, timeouts: { drain: 'off' } })
    const answers = [get(hasty.url).catch(() => 'cut')]
    await until('the first request reached the backend', () => asked === 1)
    answers.push(get(patient.url))
    await until('the second request reached the backend', () => asked === 2)
    const drained = patient.drain()
    expect((await hasty.drain()).abandoned).toBe(1)
    gates[1]!.resolve(new Response('finished'))
    expect(await Promise.all(answers)).toEqual(['cut', 'finished'])
    expect((await drained).abandoned).toBe(0)
  })

  test('reports how many requests it cut when a drain takes too long', async () => {
    using folder = new TempFolder()
    await using stuck = new TestBackend(folder.file('stuck.sock'), () => new Promise<Response>(() => {}))
    await using lb = await balance({ listen: '127.0.0.1:0', to: stuck.address })
    const answer = get(lb.url).catch(() => 'cut')
    await until('the request reached the backend', () => stuck.requests === 1)
    const summary = await lb.drain({ timeout: '20ms' })
    expect(summary.abandoned).toBe(1)
    expect(summary.elapsedMs).toBeGreaterThanOrEqual(15)
    expect(await answer).toBe('cut')
    expect((await thrown(() => lb.drain({ timeout: 'soon' }))).message).toContain(
      'timeout: expected milliseconds',
    )
  })

  test('counts the connections of all its listeners together', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const listen = ['127.0.0.1:0', '127.0.0.1:0']
    await using lb = await balance({ listen, to: a.address, limits: { connectionsPerAddress: 1 } })
    const [one, two] = lb.urls as [string, string]
    using first = await RawClient.connect(Number(new URL(one).port))
    await until('the first connection was accepted', () => lb.status().connections === 1)
    expect((await fetch(two)).status).toBe(503)
    first.socket.destroy()
    await until('it is gone', () => lb.status().connections === 0)
    expect(await get(two)).toBe('a')
  })

  test('does not limit the connections of a trusted proxy, which has many clients', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const limits = { connectionsPerAddress: 1 }
    await using lb = await balance({
      listen: '127.0.0.1:0',
      to: a.address,
      limits,
      forwarding: { trust: ['127.0.0.1'] },
    })
    using _first = await RawClient.connect(Number(new URL(lb.url).port))
    await until('the first connection was accepted', () => lb.status().connections === 1)
    expect(await get(lb.url)).toBe('a')
  })

  test('that drains refuses requests that wait for a backend, and closes their connections', async () => {
    await using lb = await balance({ listen: '127.0.0.1:0', waitForBackends: true })
    using client = await RawClient.connect(Number(new URL(lb.url).port))
    client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    await until('it waits', () => lb.pool.queued === 1)
    await lb.drain()
    expect(await client.untilEnd()).toStartWith('HTTP/1.1 503 ')
    expect(client.received).toContain('Connection: close\r\n')
  })

  test('takes other backends on reload, and refuses what needs a restart', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    const listen = '127.0.0.1:0'
    await using lb = await balance({ listen, to: a.address })
    await lb.reload({
      listen,
      to: b.address,
      limits: { line: '1KiB' },
      timeouts: { header: '1s' },
      policy: 'p2c',
    })
    expect(await get(lb.url)).toBe('b')
    const long = await fetch(`${lb.url}/${'x'.repeat(2_000)}`, { headers: { connection: 'close' } })
    expect(long.status).toBe(414)
    const error = await thrown(() => lb.reload({ listen, to: a.address, pool: 'other' }))
    expect(error.message).toContain('pool: cannot change while running')
    expect(await get(lb.url)).toBe('b')
  })

  test('loses no request while its configuration changes continuously', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    const configs = [
      { to: a.address, maxInFlight: 1, policy: 'p2c' },
      { to: [a.address, b.address], limits: { line: '4KiB' } },
      { to: b.address, maxInFlight: 2, policy: 'least-requests', timeouts: { upstreamIdle: 1_000 } },
    ] as const
    const listen = '127.0.0.1:0'
    await using lb = await balance({ listen, ...configs[0] })
    let reloads = 0
    let stopped = false
    const reloading = (async () => {
      while (!stopped) {
        await lb.reload({ listen, ...configs[++reloads % configs.length] })
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    })()
    const client = async (): Promise<string[]> => {
      const answers: string[] = []
      for (let n = 0; n < 50; n++) answers.push(await get(lb.url))
      return answers
    }
    const answers = (await Promise.all(Array.from({ length: 8 }, client))).flat()
    stopped = true
    await reloading
    expect(reloads).toBeGreaterThan(10)
    expect(answers.filter((answer) => answer !== 'a' && answer !== 'b')).toEqual([])
    expect(lb.status()).toMatchObject({ requests: 400, serverErrors: 0 })
    expect(lb.pool.inFlight).toBe(0)
  })

  test('keeps the generation that serves when the configuration is read again', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const listen = '127.0.0.1:0'
    await using lb = await balance({ listen })
    lb.pool.prepare('g1', [{ id: 'a', address: { kind: 'unix', path: a.socket }, maxInFlight: 5, weight: 1 }])
    lb.pool.cut('g1')
    await lb.reload({ listen, queue: { length: 5 } })
    expect(await get(lb.url)).toBe('a')
    expect(lb.pool.status().generation).toBe('g1')
  })

  test('closes unused connections to a backend that leaves while a request there goes on', async () => {
    using folder = new TempFolder()
    const path = folder.file('a.sock')
    const open = new Set<Bun.Socket>()
    let finish = (): void => {}
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na'
    using _a = Bun.listen({
      unix: path,
      socket: {
        open: (socket) => void open.add(socket),
        close: (socket) => void open.delete(socket),
        data(socket, bytes) {
          if (bytes.toString().startsWith('GET /slow')) finish = () => void socket.write(answer)
          else socket.write(answer)
        },
      },
    })
    await using lb = await balance({ listen: '127.0.0.1:0' })
    const place = { kind: 'unix', path } as const
    lb.pool.prepare('g1', [{ id: 'a', address: place, maxInFlight: 5, weight: 1 }])
    lb.pool.cut('g1')
    const slow = get(`${lb.url}/slow`)
    await until('it is asked', () => open.size === 1)
    expect(await get(lb.url)).toBe('a')
    expect(open.size).toBe(2)
    lb.pool.prepare('g1', [{ id: 'b', address: place, maxInFlight: 5, weight: 1 }])
    await until('the unused one is closed', () => open.size === 1)
    finish()
    expect(await slow).toBe('a')
    await until('the other one is closed', () => open.size === 0)
  })

  test('takes a backend out while its health check fails', async () => {
    using folder = new TempFolder()
    let status = 200
    await using a = new TestBackend(
      folder.file('a.sock'),
      (request) => new Response('a', { status: request.url.endsWith('/up') ? status : 200 }),
    )
    await using b = named(folder, 'b')
    const health = { path: '/up', interval: 20, fall: 1, rise: 1 }
    await using lb = await balance({ listen: '127.0.0.1:0', to: [a.address, b.address], health })
    const stateOf = (at: number): string | undefined => lb.status().pools[0]?.backends[at]?.state
    status = 500
    await until('a is out', () => stateOf(0) === 'unhealthy')
    expect([await get(lb.url), await get(lb.url)]).toEqual(['b', 'b'])
    status = 200
    await until('a is back', () => stateOf(0) === 'serving')
  })
})

describe('discovery', () => {
  test('replaces the backends by each list of the source, and reports entries that cannot be used', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    const warnings: string[] = []
    await using lb = await balance({ listen: '127.0.0.1:0' })
    using _on = lb.on('warning', ({ message }) => warnings.push(message))
    await lb.discover(
      (async function* () {
        yield [a.address]
        expect(await get(lb.url)).toBe('a')
        yield ['nonsense']
        expect(await get(lb.url)).toBe('a')
        yield [{ address: b.address }]
        expect(await get(lb.url)).toBe('b')
        throw new Error('the registry is gone')
      })(),
    )
    expect(await get(lb.url)).toBe('b')
    expect(warnings[0]).toContain(
      'to[0].address: expected host:port, https://host:port, h2c://host:port or unix:PATH, got "nonsense"',
    )
    expect(warnings[1]).toBe('discovery has ended, the last backends stay: the registry is gone')
  })
})

describe('events', () => {
  test('report changes of backends and generations', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const seen: string[] = []
    await using lb = await balance({
      listen: '127.0.0.1:0',
      to: [a.address, 'unix:/nowhere.sock'],
      ejection: { after: 1 },
    })
    using _ejected = lb.on('backend-ejected', ({ backend }) => seen.push(`ejected ${backend}`))
    using _cut = lb.on('generation-cut', ({ generation }) => seen.push(`cut ${generation}`))
    expect([await get(lb.url), await get(lb.url)]).toEqual(['a', 'a'])
    lb.pool.prepare('g1', [])
    lb.pool.cut('g1')
    expect(seen).toEqual(['ejected unix:/nowhere.sock', 'cut g1'])
  })
})

describe('hooks', () => {
  test('get the request, may answer it, and learn how it ended', async () => {
    using folder = new TempFolder()
    await using backend = new TestBackend(
      folder.file('a.sock'),
      (request) => new Response(request.headers.get('x-tenant')),
    )
    const ended: Array<Pick<ExchangeRecord, 'status' | 'target' | 'cause'>> = []
    await using lb = await balance(
      { listen: '127.0.0.1:0', to: backend.address },
      {
        onRequest(request) {
          if (request.target === '/forbidden') return { status: 403, body: 'no' }
          request.headers.set('X-Tenant', 'acme')
          return undefined
        },
        onResponse: (response) => response.headers.set('X-Seen', 'yes'),
        onEnd: ({ status, target, cause }) => void ended.push({ status, target, cause }),
      },
    )
    const response = await fetch(lb.url)
    expect([await response.text(), response.headers.get('x-seen')]).toEqual(['acme', 'yes'])
    expect((await fetch(`${lb.url}/forbidden`)).status).toBe(403)
    await until('both have ended', () => ended.length === 2)
    expect(ended.map(({ status, cause }) => [status, cause])).toEqual([
      [200, 'completed'],
      [403, 'answered'],
    ])
  })

  test.each(['onRequest', 'onResponse', 'onEnd'] as const)(
    'an error in %s is reported, at most once a second',
    async (hook) => {
      using folder = new TempFolder()
      await using a = named(folder, 'a')
      const warnings: string[] = []
      const hooks = {
        [hook]: () => {
          throw new Error('a mistake')
        },
        onWarning: (message: string) => void warnings.push(message),
      }
      const admin = folder.file('admin.sock')
      await using lb = await balance({ listen: '127.0.0.1:0', to: a.address, admin: `unix:${admin}` }, hooks)
      const status = { onRequest: 500, onResponse: 502, onEnd: 200 }[hook]
      for (let n = 0; n < 3; n += 1) expect((await fetch(lb.url)).status).toBe(status)
      expect(warnings).toEqual([
        expect.stringMatching(/^a hook or the balancer itself failed: Error: a mistake\n +at /),
      ])
      expect(await new AdminClient({ socket: admin }).metrics()).toContain('rip_faults_total 3\n')
    },
  )
})

describe('a configuration', () => {
  test('is refused as a whole, with every problem and its path', async () => {
    const bad = {
      listen: ['nowhere', { address: ':1', tls: { cert: 'a.pem' } }],
      polcy: 'p2c',
      timeouts: { header: 'soon', hedaer: 1 },
      to: 'x',
    }
    const error = await thrown(() => createBalancer(bad as never))
    expect(error.code).toBe('CONFIG_INVALID')
    expect(
      error.message
        .split('\n')
        .slice(1)
        .map((line) => line.trim())
        .toSorted(),
    ).toEqual([
      'listen[0].address: expected host:port, :port, unix:PATH or fd:N, got "nowhere"',
      'listen[1].tls.key: expected the path of a PEM file, got nothing',
      'polcy: unknown key; did you mean policy?',
      'timeouts.header: expected milliseconds or a duration such as 250ms, 10s or 5m, got "soon"',
      'timeouts.hedaer: unknown key; did you mean header?',
      'to.address: expected host:port, https://host:port, h2c://host:port or unix:PATH, got "x"',
    ])
  })

  test.each(['backends', 'upstreams', 'servers'])('answers the key %s with ours', async (key) => {
    const error = await thrown(() => createBalancer({ [key]: ['127.0.0.1:1'] } as never))
    expect(error.message).toContain(`${key}: unknown key; did you mean to?`)
  })

  test('names certificate files that cannot be used', async () => {
    using folder = new TempFolder()
    writeFileSync(folder.file('c.pem'), 'not a certificate')
    const tls = { cert: folder.file('c.pem'), key: folder.file('c.pem') }
    const error = await thrown(() => createBalancer({ listen: { address: ':0', tls } }))
    expect(error.message).toContain(`tls: ${tls.cert} and ${tls.key} cannot be used`)
  })
})

describe('the access log', () => {
  test('has one line of JSON for each request, with any content', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const lines: string[] = []
    const logSink = { write: (text: string) => void lines.push(...text.trimEnd().split('\n')) }
    const lb = await balance(
      { listen: '127.0.0.1:0', to: { address: a.address, id: 'a' }, accessLog: 'json' },
      { logSink },
    )
    await get(`${lb.url}/path?q=1`, { 'user-agent': 'quote " and \\ slash' })
    await lb.close()
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        v: 1,
        method: 'GET',
        target: '/path?q=1',
        status: 200,
        outcome: 'completed',
        backend: 'a',
        agent: 'quote " and \\ slash',
      },
    ])
  })

  test('loses lines rather than requests when the disk is full', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using lb = await balance({ listen: '127.0.0.1:0', to: a.address, accessLog: { file: '/dev/full' } })
    for (let n = 0; n < 5; n++) expect(await get(lb.url)).toBe('a')
  })
})

test('clients that speak HTTP/2 to a port without it are answered in HTTP/1.1 and logged once, as proxies do it that are told to', async () => {
  const warnings: string[] = []
  await using lb = await balance(
    { listen: '127.0.0.1:0' },
    { onWarning: (message) => warnings.push(message) },
  )
  for (let n = 0; n < 3; n++) {
    const socket = connect({ port: Number(new URL(lb.url).port), host: '127.0.0.1' })
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    expect(answer).toStartWith('HTTP/1.1 505 ')
  }
  expect(warnings).toEqual([expect.stringContaining('a client spoke HTTP/2 to a port without')])
})

test('clients that speak TLS to a port without it are logged once, not for each of them', async () => {
  const warnings: string[] = []
  await using lb = await balance(
    { listen: '127.0.0.1:0' },
    { onWarning: (message) => warnings.push(message) },
  )
  const url = lb.url.replace('http:', 'https:')
  for (let n = 0; n < 3; n++) expect(await fetch(url).catch((error: Error) => error)).toBeInstanceOf(Error)
  await until('they have gone', () => lb.status().connections === 0 && warnings.length > 0)
  expect(warnings).toEqual([expect.stringContaining('a client spoke TLS to a port without')])
})
