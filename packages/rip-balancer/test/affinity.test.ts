import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { until } from '@rip/testing'
import { AdminClient, balance, type BalancerConfig, createBalancer, createPool } from '../src/index.ts'
import { SessionBackends } from './session-backends.ts'
import { RawClient } from './exchange/data-plane.ts'
import { TempFolder, named } from './servers.ts'

const CERTIFICATES = join(import.meta.dir, 'listener/certificates')

/**
 * A server with sessions like those of Engine.IO, which carries socket.io: a session begins with a request, is polled
 * and posted to, and moves to a WebSocket; other servers do not know it. It also has event streams that do not end.
 */
class SessionServer implements AsyncDisposable {
  readonly name: string
  /** Requests and messages for sessions of other servers. */
  strangers = 0
  open = 0
  private readonly sessions = new Set<string>()
  private readonly server: Bun.Server<string>

  constructor(name: string) {
    this.name = name
    this.server = Bun.serve<string>({
      hostname: '127.0.0.1',
      port: 0,
      idleTimeout: 0,
      fetch: (request, server) => this.answer(request, server),
      websocket: {
        message: (socket, text) => void socket.send(`${this.name} ${socket.data} ${String(text)}`),
        close: () => void this.open--,
      },
    })
  }

  get address(): string {
    return `127.0.0.1:${this.server.port}`
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server.stop(true)
  }

  private answer(request: Request, server: Bun.Server<string>): Response | undefined {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/events') return this.stream('text/event-stream')
    if (pathname === '/lines') return this.stream('text/plain')
    if (pathname !== '/session') return new Response(this.name)
    const id = searchParams.get('sid') ?? this.begin()
    if (!this.sessions.has(id)) this.strangers++
    if (!this.sessions.has(id)) return new Response('Session ID unknown', { status: 400 })
    if (!server.upgrade(request, { data: id })) return new Response(id)
    this.open++
    return undefined
  }

  private begin(): string {
    const id = crypto.randomUUID()
    this.sessions.add(id)
    return id
  }

  private stream(type: string): Response {
    this.open++
    const lines = new ReadableStream({
      start: (controller) => controller.enqueue(`data: ${this.name}\n\n`),
      cancel: () => void this.open--,
    })
    return new Response(lines, { headers: { 'content-type': type } })
  }
}

class SessionServers implements AsyncDisposable {
  readonly all: readonly SessionServer[] = ['a', 'b', 'c'].map((name) => new SessionServer(name))

  get to(): string[] {
    return this.all.map(({ address }) => address)
  }

  get strangers(): number {
    return this.all.reduce((count, { strangers }) => count + strangers, 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((server) => server[Symbol.asyncDispose]()))
  }
}

/** A browser tab: it keeps cookies, and has requests, a WebSocket and event streams at the same time. */
class Tab implements AsyncDisposable {
  private readonly url: string
  private readonly user: string
  private readonly streams = new AbortController()
  private cookie = ''
  private socket: WebSocket | undefined

  constructor(url: string, user: string) {
    this.url = url
    this.user = user
  }

  async get(path: string): Promise<string> {
    const { signal } = this.streams
    const response = await fetch(this.url + path, { headers: this.headers, signal })
    this.cookie = response.headers.get('set-cookie')?.split(';')[0] ?? this.cookie
    if (path !== '/events' && path !== '/lines') return response.text()
    const first = await response.body!.getReader().read()
    return new TextDecoder().decode(first.value)
  }

  /** @returns the answer to the first message */
  async upgrade(path: string): Promise<string> {
    const socket = new WebSocket(this.url.replace('http', 'ws') + path, { headers: this.headers })
    this.socket = socket
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    socket.addEventListener('open', () => socket.send('ping'))
    socket.addEventListener('message', ({ data }) => resolve(String(data)))
    socket.addEventListener('close', () => reject(new Error('the WebSocket was closed')))
    return promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.streams.abort()
    this.socket?.close()
    await Promise.resolve()
  }

  private get headers(): Record<string, string> {
    return { 'x-user': this.user, ...(this.cookie !== '' && { cookie: this.cookie }) }
  }
}

const POLICIES: readonly BalancerConfig[] = [
  { policy: 'hash', hashKey: 'ip' },
  { policy: 'hash', hashKey: 'header:X-User' },
  { policy: 'sticky' },
]

for (const config of POLICIES) {
  test(`${config.policy} ${config.hashKey ?? ''}: WebSockets, event streams and requests of a client go to one backend`, async () => {
    await using servers = new SessionServers()
    await using lb = await balance({ ...config, listen: '127.0.0.1:0', to: servers.to })
    await using tabs = new AsyncDisposableStack()
    const homes = await Promise.all(
      Array.from({ length: 8 }, async (_, user) => {
        const tab = tabs.use(new Tab(lb.url, `user ${user}`))
        const sid = await tab.get('/session')
        const home = await tab.get('/')
        const events = await Promise.all([tab.get('/events/1'), tab.get('/events'), tab.get('/events')])
        expect(events.slice(1)).toEqual([`data: ${home}\n\n`, `data: ${home}\n\n`])
        const polls = await Promise.all(Array.from({ length: 6 }, () => tab.get(`/session?sid=${sid}`)))
        expect(polls).toEqual(Array.from({ length: 6 }, () => sid))
        expect(await tab.upgrade(`/session?sid=${sid}`)).toBe(`${home} ${sid} ping`)
        for (let n = 0; n < 3; n++) expect(await tab.get(`/session?sid=${sid}`)).toBe(sid)
        return home
      }),
    )
    expect(servers.strangers).toBe(0)
    expect(new Set(homes).size > 1).toBe(config.hashKey !== 'ip')
  })
}

test('a key whose backend is full always goes to the same other one, and comes back when there is room', async () => {
  await using servers = new SessionServers()
  await using lb = await balance({ listen: '127.0.0.1:0', to: servers.to, policy: 'hash', maxInFlight: 2 })
  await using tab = new Tab(lb.url, 'user')
  const home = await tab.get('/')
  await using busy = new Tab(lb.url, 'user')
  expect(await Promise.all([busy.get('/lines'), busy.get('/lines')])).toEqual([
    `data: ${home}\n\n`,
    `data: ${home}\n\n`,
  ])
  const second = await tab.get('/')
  expect(second).not.toBe(home)
  for (let n = 0; n < 3; n++) expect(await tab.get('/')).toBe(second)
  await busy[Symbol.asyncDispose]()
  await until('the key is back at its backend', async () => (await tab.get('/')) === home)
})

test('the hash key may be a field that a hook has set, or a cookie with any name', async () => {
  using folder = new TempFolder()
  const backends = ['a', 'b', 'c', 'd'].map((name) => named(folder, name))
  await using _all = backendsOf(backends)
  const to = backends.map(({ address }) => address)
  const config = { listen: '127.0.0.1:0', to, policy: 'hash' } as const
  await using byTenant = await balance(
    { ...config, hashKey: 'header:X-Tenant' },
    { onRequest: ({ headers }) => headers.set('X-Tenant', 'acme') },
  )
  await using bySession = await balance({ ...config, hashKey: 'cookie:connect.sid' })
  for (const lb of [byTenant, bySession]) {
    const answers = new Set<string>()
    for (let n = 0; n < 8; n++) {
      const headers = { 'x-tenant': `made up ${n}`, cookie: 'connect.sid=s%3Aabc.def' }
      answers.add(await (await fetch(lb.url, { headers })).text())
    }
    expect(answers.size).toBe(1)
  }
})

describe('cookies in several lines', () => {
  test.each([
    ['sticky', undefined],
    ['hash', 'cookie:sid'],
  ] as const)('are all seen by %s', async (policy, hashKey) => {
    using folder = new TempFolder()
    const names = ['a', 'b', 'c', 'd']
    const backends = names.map((name) => named(folder, name))
    await using _all = backendsOf(backends)
    const to = backends.map(({ address }) => address)
    await using lb = await balance({ listen: '127.0.0.1:0', to, policy, ...(hashKey && { hashKey }) })
    const ask = (...cookies: string[]): Promise<RawAnswer> => askWith(lb.url, cookies)
    const first = await ask('lang=en')
    const cookie = policy === 'hash' ? 'sid=7' : first.cookie
    const { body } = await ask(cookie)
    for (const position of [0, 1, 2]) {
      const cookies = ['lang=en', 'theme=dark; x=1']
      cookies.splice(position, 0, cookie)
      expect(await ask(...cookies)).toEqual({ body, cookie: '' })
    }
  })

  test('count with the first that names a backend: outdated ones are ignored', async () => {
    using folder = new TempFolder()
    const backends = ['a', 'b', 'c', 'd'].map((name) => named(folder, name))
    await using _all = backendsOf(backends)
    const to = backends.map(({ address }) => address)
    await using lb = await balance({ listen: '127.0.0.1:0', to, policy: 'sticky' })
    const { body, cookie } = await askWith(lb.url, [])
    for (const stale of ['rip-backend=', 'rip-backend=AAAAAAAAAAAAAAAA', 'rip-backend=1; rip-backend=2']) {
      expect(await askWith(lb.url, [`${stale}; ${cookie}`])).toEqual({ body, cookie: '' })
      expect(await askWith(lb.url, [stale, cookie])).toEqual({ body, cookie: '' })
    }
  })
})

describe('the cookie of sticky', () => {
  test('is set with the answer that opens a WebSocket', async () => {
    await using servers = new SessionServers()
    await using lb = await balance({ listen: '127.0.0.1:0', to: servers.to, policy: 'sticky' })
    using client = await RawClient.connect(Number(new URL(lb.url).port))
    client.send(
      'GET /session HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await client.untilText('\r\n\r\n')
    expect(client.received).toStartWith('HTTP/1.1 101 ')
    const cookie = /^Set-Cookie: ([^;]+);/m.exec(client.received)?.[1] ?? ''
    const { body } = await askWith(lb.url, [cookie])
    expect(servers.all.find(({ open }) => open === 1)?.name).toBe(body)
  })

  test('is Secure for clients that came by TLS, and only for those', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const tls = { cert: join(CERTIFICATES, 'first.crt'), key: join(CERTIFICATES, 'first.key') }
    await using lb = await balance({
      listen: ['127.0.0.1:0', { address: '127.0.0.1:0', tls }],
      to: a.address,
      policy: 'sticky',
    })
    const [plain, secure] = lb.urls as [string, string]
    const attributes = async (url: string, headers: Record<string, string> = {}): Promise<string> => {
      const response = await fetch(url, { headers, tls: { rejectUnauthorized: false } })
      return response.headers.get('set-cookie')!.replace(/^[^;]*; /, '')
    }
    expect(await attributes(plain)).toBe('Path=/; HttpOnly; SameSite=Lax')
    expect(await attributes(plain, { 'x-forwarded-proto': 'https' })).not.toContain('Secure')
    expect(await attributes(secure)).toBe('Path=/; HttpOnly; SameSite=Lax; Secure')
  })

  test('is Secure behind a trusted proxy that says its client came by TLS', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using lb = await balance({
      listen: '127.0.0.1:0',
      to: a.address,
      policy: 'sticky',
      forwarding: { trust: ['127.0.0.1'] },
    })
    const cookieOf = async (headers: Record<string, string>): Promise<string> =>
      (await fetch(lb.url, { headers })).headers.get('set-cookie') ?? ''
    expect(await cookieOf({ 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' })).toEndWith(
      '; Secure',
    )
    expect(await cookieOf({ forwarded: 'for=192.0.2.1;proto=https' })).toEndWith('; Secure')
    expect(await cookieOf({ 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'http' })).toEndWith('Lax')
  })

  test('has the configured attributes', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const stickyCookie = {
      name: '__Secure-at',
      path: '/app',
      domain: 'shop.example',
      sameSite: 'none',
      lifetime: '1h',
    } as const
    await using lb = await balance({ listen: '127.0.0.1:0', to: a.address, policy: 'sticky', stickyCookie })
    const { headers } = await fetch(lb.url)
    const cookie = headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(
      /^__Secure-at=[\w-]{16}; Path=\/app; Domain=shop\.example; Max-Age=3600; HttpOnly; SameSite=None; Secure$/,
    )
    // The cookie lives for an hour from the last answer on.
    const again = await fetch(lb.url, { headers: { cookie: cookie.split(';')[0]! } })
    expect(again.headers.get('set-cookie')).toBe(cookie)
  })

  test('names the same backend after the configuration was read again, and with the same key after a restart', async () => {
    using folder = new TempFolder()
    const backends = ['a', 'b', 'c', 'd'].map((name) => named(folder, name))
    await using _all = backendsOf(backends)
    const to = backends.map(({ address }) => address)
    const config: BalancerConfig = { listen: '127.0.0.1:0', to, policy: 'sticky' }
    const key = 'sixteen characters'
    await using lb = await balance(config)
    const { body, cookie } = await askWith(lb.url, [])
    await lb.reload({ ...config, retries: 2, to: to.slice().reverse() })
    for (let n = 0; n < 3; n++) expect(await askWith(lb.url, [cookie])).toEqual({ body, cookie: '' })
    using kept = await RawClient.connect(Number(new URL(lb.url).port))
    await kept.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n').untilText('\r\n\r\n')
    await lb.reload({ ...config, stickyCookie: { key } })
    // A connection made before the reload knows the new names.
    kept.received = ''
    await kept.send(`GET / HTTP/1.1\r\nHost: h\r\nCookie: ${cookie}\r\n\r\n`).untilText('SameSite=Lax\r\n')
    const renewed = /^Set-Cookie: ([^;]+);/m.exec(kept.received)?.[1] ?? ''
    expect((await askWith(lb.url, [renewed])).cookie).toBe('')
    const keyed = await askWith(lb.url, [cookie])
    expect(keyed.cookie).not.toBe('')
    await using another = await balance({ ...config, stickyCookie: { key } })
    const same = { body: keyed.body, cookie: '' }
    for (let n = 0; n < 3; n++) expect(await askWith(another.url, [keyed.cookie])).toEqual(same)
    await using stranger = await balance(config)
    expect((await askWith(stranger.url, [keyed.cookie])).cookie).not.toBe('')
  })
})

describe('what learn has learned', () => {
  test('sends each session to the backend that began it', async () => {
    await using servers = new SessionBackends(3)
    await using lb = await balance({ listen: '127.0.0.1:0', to: servers.to, policy: 'learn' })
    const sessions = await Promise.all(Array.from({ length: 12 }, () => servers.begin(lb.url)))
    for (let n = 0; n < 3; n++) for (const session of sessions) await servers.goOn(lb.url, session)
    expect(servers.strangers).toBe(0)
    const { backends } = lb.status().pools[0]!
    expect(backends.map(({ requests }) => requests)).toEqual([16, 16, 16])
  })

  test('stays when the configuration is read again, and another field is learned anew', async () => {
    await using servers = new SessionBackends(3)
    const config: BalancerConfig = { listen: '127.0.0.1:0', to: servers.to, policy: 'learn' }
    await using lb = await balance(config)
    const session = await servers.begin(lb.url)
    await lb.reload({ ...config, retries: 2, to: servers.to.reverse() })
    for (let n = 0; n < 6; n++) expect(await servers.goOn(lb.url, session)).toBe(200)
    await lb.reload({ ...config, learnedField: 'x-session' })
    for (let n = 0; n < 6; n++) await servers.goOn(lb.url, session)
    expect(servers.strangers).toBe(4)
  })

  test('does not hold a client to a backend that has gone', async () => {
    await using servers = new SessionBackends(2)
    await using lb = await balance({ listen: '127.0.0.1:0', to: servers.to, policy: 'learn' })
    const sessions = [await servers.begin(lb.url), await servers.begin(lb.url)]
    await servers.stop(0)
    const statuses = await Promise.all(sessions.map((session) => servers.goOn(lb.url, session)))
    expect(new Set(statuses)).toEqual(new Set([200, 404]))
  })

  test('counts for the fetch of a pool as well', async () => {
    await using servers = new SessionBackends(3)
    await using pool = createPool({ to: servers.to, policy: 'learn' })
    const ask = async (headers: Record<string, string>): Promise<Response> =>
      await pool.fetch(new Request('http://h/', { headers }))
    const session = (await ask({})).headers.get('mcp-session-id')!
    for (let n = 0; n < 6; n++) expect((await ask({ 'mcp-session-id': session })).status).toBe(200)
  })

  test('is refused with the reason when it is configured wrongly', () => {
    const problemsOf = (learnedField: BalancerConfig['learnedField']): string => {
      try {
        createBalancer({ to: '127.0.0.1:1', policy: 'learn', learnedField: learnedField! })
        return ''
      } catch (error) {
        return (error as Error).message
      }
    }
    expect(problemsOf('a b')).toContain('learnedField.name: expected a field name such as mcp-session-id')
    expect(problemsOf({ entries: 0 })).toContain('learnedField.entries: expected a whole number from 1 on')
    expect(problemsOf({ entries: 1e9 })).toContain('learnedField.entries: expected at most 16777216')
    expect(problemsOf({ lifetime: '1ms' })).toContain('learnedField.lifetime: expected at least a second')
    expect(problemsOf({ ttl: 1 } as never)).toContain('learnedField.ttl: unknown key')
  })
})

test('changed weights count from the next request on', async () => {
  using folder = new TempFolder()
  const backends = ['a', 'b'].map((name) => named(folder, name))
  await using _all = backendsOf(backends)
  const [a, b] = backends.map(({ address }) => address) as [string, string]
  const socket = folder.file('admin.sock')
  await using lb = await balance({ listen: '127.0.0.1:0', admin: `unix:${socket}` })
  const admin = new AdminClient({ socket })
  const sharesOf = async (weights: readonly [number, number]): Promise<number[]> => {
    await admin.replace([
      { id: 'a', address: a, maxInFlight: 10, weight: weights[0] },
      { id: 'b', address: b, maxInFlight: 10, weight: weights[1] },
    ])
    const answers: string[] = []
    for (let n = 0; n < 10; n++) answers.push(await (await fetch(lb.url)).text())
    return ['a', 'b'].map((name) => answers.filter((answer) => answer === name).length)
  }
  for (const weights of [
    [9, 1],
    [1, 9],
    [0, 1],
    [1, 1],
    [9, 1],
  ] as const)
    expect(await sharesOf(weights)).toEqual(
      weights.map((weight) => (weight * 10) / (weights[0] + weights[1])),
    )
})

interface RawAnswer {
  readonly body: string
  /** The cookie as a client would send it; empty when none was set. */
  readonly cookie: string
}

/** Sends a request with each cookie in its own line. */
async function askWith(url: string, cookies: readonly string[]): Promise<RawAnswer> {
  using client = await RawClient.connect(Number(new URL(url).port))
  const lines = cookies.map((cookie) => `Cookie: ${cookie}\r\n`).join('')
  const answer = await client
    .send(`GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${lines}\r\n`)
    .untilEnd()
  return {
    body: answer.slice(answer.indexOf('\r\n\r\n') + 4),
    cookie: /^Set-Cookie: ([^;]+);/m.exec(answer)?.[1] ?? '',
  }
}

function backendsOf(backends: readonly AsyncDisposable[]): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () =>
      void (await Promise.all(backends.map((backend) => backend[Symbol.asyncDispose]()))),
  }
}
