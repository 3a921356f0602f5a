import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { until } from '@rip/testing'
import { AdminClient, balance, createPool, type Balancer, type BalancerConfig } from '../src/index.ts'
import { sharedConfig } from '../src/cli/shared-config.ts'
import { resolveConfig } from '../src/config/resolve-config.ts'
import { TempFolder, TestBackend } from './servers.ts'

setDefaultTimeout(20_000)

/** `/ws` is a WebSocket, `/events` an event stream that stays silent, `/slow` is never answered. */
function startBackend(folder: TempFolder, name: string): Bun.Server<undefined> {
  return Bun.serve({
    unix: folder.file(`${name}.sock`),
    fetch: (request, server) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/ws' && server.upgrade(request)) return undefined
      if (pathname === '/events') return eventStream()
      return pathname === '/slow' ? new Promise<Response>(() => {}) : new Response(name)
    },
    websocket: { message: (socket, text) => void socket.send(text) },
  })
}

/** Sends one event, then stays silent. */
const eventStream = (): Response =>
  new Response(new ReadableStream({ start: (controller) => controller.enqueue('data: 1\n\n') }), {
    headers: { 'content-type': 'text/event-stream' },
  })

class Site implements AsyncDisposable {
  readonly warnings: string[] = []
  readonly admin: AdminClient
  readonly balancer: Balancer
  readonly config: BalancerConfig
  private readonly folder: TempFolder
  private readonly backends: readonly Bun.Server<undefined>[]
  private readonly streams: Response[] = []

  private constructor(
    folder: TempFolder,
    backends: readonly Bun.Server<undefined>[],
    config: BalancerConfig,
    balancer: Balancer,
  ) {
    this.folder = folder
    this.config = config
    this.backends = backends
    this.balancer = balancer
    this.admin = new AdminClient({ socket: folder.file('admin.sock') })
    balancer.on('warning', ({ message }) => this.warnings.push(message))
  }

  /** Backends that take one request at a time each. */
  static async start(names: readonly string[], config: BalancerConfig = {}): Promise<Site> {
    const folder = new TempFolder()
    const backends = names.map((name) => startBackend(folder, name))
    const to = names.map((name) => ({ id: name, address: `unix:${folder.file(`${name}.sock`)}` }))
    const admin = `unix:${folder.file('admin.sock')}`
    const whole = { listen: ':0', to, admin, maxInFlight: 1, ...config }
    return new Site(folder, backends, whole, await balance(whole))
  }

  async socket(): Promise<WebSocket> {
    const socket = new WebSocket(`${this.balancer.url.replace('http', 'ws')}/ws`)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('close', () => reject(new Error('refused')))
    })
    return socket
  }

  async stream(): Promise<Response> {
    const response = await fetch(`${this.balancer.url}/events`)
    this.streams.push(response)
    return response
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A stream that was cut cannot be cancelled.
    for (const { body } of this.streams) await body?.cancel().catch(() => undefined)
    await this.balancer.close()
    for (const backend of this.backends) await backend.stop(true)
    this.folder[Symbol.dispose]()
  }
}

describe('WebSockets and event streams', () => {
  test('of one client, however many, stop no other request', async () => {
    await using site = await Site.start(['a', 'b'])
    const sockets = await Promise.all(Array.from({ length: 20 }, () => site.socket()))
    await Promise.all(Array.from({ length: 20 }, () => site.stream()))
    for (let n = 0; n < 4; n++) expect((await fetch(site.balancer.url)).status).toBe(200)
    const [pool] = (await site.admin.status()).pools
    expect(pool).toMatchObject({ inFlight: 0, queued: 0, tunnels: 20, eventStreams: 20 })
    expect(pool!.backends.map(({ tunnels }) => tunnels)).toEqual([10, 10])
    const metrics = await site.admin.metrics()
    expect(metrics).toContain('rip_backend_tunnels{pool="app",backend="a"} 10\n')
    expect(metrics).toMatch(/rip_backend_event_streams\{pool="app",backend="a"\} \d+\n/)
    expect(metrics).toContain('rip_backend_in_flight{pool="app",backend="a"} 0\n')
    for (const socket of sockets) socket.close()
    await until('all tunnels have ended', () => site.balancer.status().pools[0]!.tunnels === 0)
  })

  test('do not change the limit of requests: a backend gets as many as its limit, and no more', async () => {
    await using site = await Site.start(['a'])
    await site.stream()
    const slow = new AbortController()
    const answer = fetch(`${site.balancer.url}/slow`, { signal: slow.signal }).catch(() => 'given up')
    await until('one is at the backend', () => site.balancer.status().pools[0]!.inFlight === 1)
    const next = fetch(site.balancer.url)
    await until('the other waits', () => site.balancer.status().pools[0]!.queued === 1)
    slow.abort()
    expect([await answer, (await next).status]).toEqual(['given up', 200])
  })

  test('beyond limits.longLived are refused, the option is named, and a reload raises it', async () => {
    await using site = await Site.start(['a'], { limits: { longLived: 1 } })
    await site.socket()
    const refused = await site.stream()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await site.socket().catch(String)).toContain('refused')
    expect(site.warnings).toEqual([
      "GET /events was refused with 503: a backend holds as many WebSockets and event streams as the balancer's " +
        'limits.longLived allows, 1',
    ])
    expect((await fetch(site.balancer.url)).status).toBe(200)
    await site.balancer.reload({ ...site.config, limits: { longLived: 2 } })
    await site.socket()
  })

  test('beyond limits.longLivedPerAddress are refused, and the option is named', async () => {
    await using site = await Site.start(['a'], { limits: { longLivedPerAddress: 1 } })
    await site.socket()
    expect(await site.socket().catch(String)).toContain('refused')
    expect(site.warnings).toEqual([
      "GET /ws was refused with 503: its client has as many WebSockets and event streams as the balancer's " +
        'limits.longLivedPerAddress allows, 1; proxies belong in forwarding.trust',
    ])
  })

  test('are counted in the report of a drain of their generation, and of the balancer', async () => {
    await using site = await Site.start([])
    using folder = new TempFolder()
    const backend = startBackend(folder, 'g1')
    const backends = [{ id: 'g1', address: `unix:${folder.file('g1.sock')}` }]
    await site.admin.prepare('1', backends)
    await site.admin.cut('1')
    await site.socket()
    await site.stream()
    await site.admin.prepare('2', [])
    await site.admin.cut('2')
    expect(await site.admin.drain('1', 50)).toMatchObject({ abandoned: 2 })
    const over = new AbortController()
    const drain = site.admin.drain('1', 60_000, over.signal)
    over.abort()
    expect(await drain).toMatchObject({ abandoned: 2 })
    expect(await site.balancer.drain({ timeout: 50 })).toMatchObject({ abandoned: 2 })
    await backend.stop(true)
  })
})

describe('the limits', () => {
  test('follow from those of connections by default', () => {
    const limitsOf = (limits: BalancerConfig['limits']): number[] => {
      const { maxLongLivedPerBackend, maxLongLivedPerAddress } = resolveConfig({
        ...(limits && { limits }),
      }).limits
      return [maxLongLivedPerBackend, maxLongLivedPerAddress]
    }
    expect(limitsOf(undefined)).toEqual([9_000, 1_800])
    expect(limitsOf({ connections: 100, connectionsPerAddress: 10 })).toEqual([90, 9])
    expect(limitsOf({ connections: 1, connectionsPerAddress: 1 })).toEqual([1, 1])
    expect(limitsOf({ connections: 1, longLived: 7, longLivedPerAddress: 8 })).toEqual([7, 8])
  })

  test('are divided among the processes of a group', () => {
    const shared = (config: BalancerConfig): number[] => {
      const one = sharedConfig(config, {
        processes: 4,
        adminPath: '/a',
        bound: [],
        waitForBackends: false,
        stickyKey: '0'.repeat(64),
        learnedFile: '/l',
      })
      const { maxLongLivedPerBackend, maxLongLivedPerAddress } = resolveConfig(one).limits
      return [maxLongLivedPerBackend, maxLongLivedPerAddress]
    }
    expect(shared({})).toEqual([2_250, 450])
    expect(shared({ limits: { longLived: 100, longLivedPerAddress: 3 } })).toEqual([25, 1])
  })

  test.each(['longLived', 'longLivedPerAddress'])('limits.%s is a whole number from 1 on', (name) => {
    for (const value of [0, -1, 1.5, '100', null])
      expect(() => resolveConfig({ limits: { [name]: value } as never })).toThrow(`limits.${name}: `)
  })
})

describe('a pool without a listener', () => {
  test('frees the slot of an event stream at its head, and its long-lived place at its end', async () => {
    using folder = new TempFolder()
    await using backend = new TestBackend(folder.file('a.sock'), ({ url }) =>
      url.endsWith('/events') ? eventStream() : new Response('ok'),
    )
    const warnings: string[] = []
    const limits = { longLived: 2, longLivedPerAddress: 1 }
    await using pool = createPool(
      { to: backend.address, maxInFlight: 1, limits },
      { onWarning: (message) => warnings.push(message) },
    )
    const ask = (path: string, client: string): Promise<Response> =>
      pool.fetch(new Request(`http://site.example${path}`), { client })
    const first = await ask('/events', '192.0.2.1')
    expect(await (await ask('/', '192.0.2.1')).text()).toBe('ok')
    expect((await ask('/events', '192.0.2.1')).status).toBe(503)
    const second = await ask('/events', '192.0.2.2')
    expect((await ask('/events', '192.0.2.3')).status).toBe(503)
    expect(warnings).toEqual([
      'an event stream was refused with 503: limits.longLivedPerAddress of the pool is reached',
      'an event stream was refused with 503: limits.longLived of the pool is reached',
    ])
    expect(pool.status()).toMatchObject({ inFlight: 0, eventStreams: 2 })
    await first.body!.cancel()
    await second.body!.cancel()
    expect(pool.status()).toMatchObject({ inFlight: 0, eventStreams: 0 })
    expect((await ask('/events', '192.0.2.1')).status).toBe(200)
  })
})
