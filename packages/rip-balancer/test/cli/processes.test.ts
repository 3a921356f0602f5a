import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { descendantsOf, isAlive, until } from '@rip/testing'
import { AdminClient } from '../../src/index.ts'
import { TlsBackend, pem } from '../tls/tls-backend.ts'
import { SessionBackends } from '../session-backends.ts'
import { TempFolder, TestBackend, named } from '../servers.ts'
import { Program, refusesConnections } from './program.ts'

// Programs take long to start on a busy machine.
setDefaultTimeout(20_000)

const TOGETHER = ['--listen', '127.0.0.1:0', '--processes', '2']
const SOMEWHERE = ['--to', '127.0.0.1:1', '--processes', '2']

/** Each request uses its own connection, because the system distributes connections. */
const get = async (url: string): Promise<string> =>
  (await fetch(url, { headers: { connection: 'close' } })).text()

describe('--processes', () => {
  test('serves from several processes on one port, and all leave on SIGTERM', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const socket = folder.file('admin.sock')
    await using program = new Program(...TOGETHER, '--to', a.address, '--admin', `unix:${socket}`)
    const url = await program.url()
    for (let n = 0; n < 20; n++) expect(await get(url)).toBe('a')
    const status = await new AdminClient({ socket }).status()
    expect(new Set(status.processes).size).toBe(2)
    expect(status.processes).not.toContain(program.child.pid)
    expect(status).toMatchObject({ requests: 20, listening: [url] })
    expect(status.pools[0]?.backends).toMatchObject([{ requests: 20, maxInFlight: 100 }])
    program.child.kill('SIGTERM')
    expect(await program.exit()).toBe(0)
    expect(status.processes.filter(isRunning)).toEqual([])
  })

  test('share what `learn` has learned, also with a process that replaces another', async () => {
    await using servers = new SessionBackends(3)
    using folder = new TempFolder()
    const [file, socket] = [folder.file('lb.json'), folder.file('admin.sock')]
    writeFileSync(file, JSON.stringify({ to: servers.to, policy: 'learn', admin: `unix:${socket}` }))
    await using program = new Program('--listen', '127.0.0.1:0', '--processes', '3', '--config', file)
    const url = await program.url()
    const sessions = await Promise.all(Array.from({ length: 20 }, () => servers.begin(url)))
    for (const session of sessions) for (let n = 0; n < 5; n++) await servers.goOn(url, session)
    const [victim] = (await new AdminClient({ socket }).status()).processes
    process.kill(victim!, 'SIGKILL')
    await until('another one serves', async () => {
      const { processes } = await new AdminClient({ socket }).status()
      return processes.length === 3 && !processes.includes(victim!)
    })
    for (const session of sessions) for (let n = 0; n < 5; n++) await servers.goOn(url, session)
    expect(servers.strangers).toBe(0)
  })

  test('share the cookies of `sticky`, also with a process that replaces another, and after a reload', async () => {
    using folder = new TempFolder()
    const backends = ['a', 'b', 'c', 'd', 'e'].map((name) => named(folder, name))
    await using _all = { [Symbol.asyncDispose]: async () => void (await Promise.all(backends.map(stopped))) }
    const [file, socket] = [folder.file('lb.json'), folder.file('admin.sock')]
    const to = backends.map(({ address }) => address)
    writeFileSync(file, JSON.stringify({ to, policy: 'sticky', admin: `unix:${socket}` }))
    await using program = new Program(...TOGETHER, '--config', file)
    const url = await program.url()
    const admin = new AdminClient({ socket })
    const first = await fetch(url)
    const home = await first.text()
    const cookie = first.headers.get('set-cookie')!.split(';')[0]!
    const isKnownToAll = async (): Promise<void> => {
      const headers = { cookie, connection: 'close' }
      const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(url, { headers })))
      for (const answer of answers)
        expect([await answer.text(), answer.headers.get('set-cookie')]).toEqual([home, null])
    }
    await isKnownToAll()
    program.child.kill('SIGHUP')
    await until('the reload', () => program.err.includes('configuration reloaded'))
    await isKnownToAll()
    const before = (await admin.status()).processes
    process.kill(before[0]!, 'SIGKILL')
    await until('the death is noticed', () => program.err.includes('another one is started'))
    await until('another process', async () => (await admin.status()).processes.length === 2)
    await isKnownToAll()
  })

  test('listens on all addresses in each process, not only in the first', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using program = new Program('--listen', ':0', '--processes', '2', '--to', a.address)
    const { port } = new URL(await program.url())
    const listening = (): string[] =>
      ['/proc/net/tcp', '/proc/net/tcp6']
        .flatMap((table) => readFileSync(table, 'utf8').split('\n'))
        .map((line) => line.trim().split(/\s+/))
        .filter(
          ([, local = '', , state]) =>
            state === '0A' && Number.parseInt(local.split(':')[1]!, 16) === Number(port),
        )
        .map(([, local = '']) => local.split(':')[0]!)
    expect(listening()).toEqual(['0'.repeat(32), '0'.repeat(32)])
    for (const host of ['127.0.0.1', '[::1]']) expect(await get(`http://${host}:${port}`)).toBe('a')
  })

  test('passes backends with their own TLS options to every process', async () => {
    using folder = new TempFolder()
    await using backend = await TlsBackend.start({ certificate: 'elsewhere' })
    const socket = folder.file('admin.sock')
    const flags = ['--admin', `unix:${socket}`, '--backend-ca', pem('authority.crt')]
    await using program = new Program(...TOGETHER, ...flags)
    const url = await program.url()
    const tls = { serverName: 'elsewhere.test' }
    await new AdminClient({ socket }).replace([{ id: 'a', address: backend.address, tls }])
    for (let n = 0; n < 10; n++) expect(await get(url)).toBe('ok')
    expect(new Set(backend.names)).toEqual(new Set(['elsewhere.test']))
  })

  test('changes generations in every process before it acknowledges', async () => {
    using folder = new TempFolder()
    const [a, b] = [named(folder, 'a'), named(folder, 'b')]
    await using _both = { [Symbol.asyncDispose]: async () => void (await Promise.all([a, b].map(stopped))) }
    const socket = folder.file('admin.sock')
    await using program = new Program(...TOGETHER, '--admin', `unix:${socket}`, '--wait-for-backends')
    const url = await program.url()
    const admin = new AdminClient({ socket })
    let serving = a
    for (let n = 0; n < 6; n++) {
      serving = serving === a ? b : a
      const name = serving === a ? 'a' : 'b'
      await admin.prepare(`g${n}`, [{ id: `${name}${n}`, address: serving.address, maxInFlight: 10 }])
      await admin.cut(`g${n}`)
      const answers = await Promise.all(Array.from({ length: 10 }, () => get(url)))
      expect(answers.filter((answer) => answer !== name)).toEqual([])
      if (n > 0) expect(await admin.drain(`g${n - 1}`, 1_000)).toMatchObject({ abandoned: 0 })
    }
    expect((await admin.status()).pools[0]).toMatchObject({
      generation: 'g5',
      backends: [{ generation: 'g5', maxInFlight: 10, state: 'serving' }],
    })
    const metrics = await admin.metrics()
    expect(metrics).toContain('rip_requests_total{status="2xx"} 60\n')
    expect(metrics).toContain('rip_backend_up{pool="app",backend="a5"} 1\n')
    const refusal = admin.cut('never')
    expect(refusal).rejects.toMatchObject({ code: 'ADMIN_REFUSED', detail: { status: 409 } })
    await refusal.catch(() => undefined)
  })

  test('draws lots in every process, and adds up the results', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = new TestBackend(folder.file('b.sock'), () => new Response('b', { status: 500 }))
    const socket = folder.file('admin.sock')
    await using program = new Program(...TOGETHER, '--admin', `unix:${socket}`, '--wait-for-backends')
    const url = await program.url()
    const admin = new AdminClient({ socket })
    await admin.prepare('g1', [{ id: 'a', address: a.address, maxInFlight: 50 }])
    await admin.cut('g1')
    for (let n = 0; n < 20; n++) expect(await get(url)).toBe('a')
    await admin.prepare('g2', [{ id: 'b', address: b.address, maxInFlight: 50 }])
    await admin.cut('g2')
    await admin.compare('g1', 20_000)
    for (let n = 0; n < 60; n++) await get(url)
    const { clients, kinds } = await admin.compare('g1', 20_000)
    expect(clients).toHaveLength(1)
    const { requests, failed, requestsBefore, failedBefore, history } = clients[0]!
    expect([history, failed, failedBefore]).toEqual([20, requests, 0])
    expect(requests + requestsBefore).toBe(60)
    expect(requests).toBeGreaterThan(0)
    expect(requestsBefore).toBeGreaterThan(0)
    expect(kinds.reduce((sum, kind) => sum + kind.requests, 0)).toBe(requests)
    await admin.cut('g1')
    for (let n = 0; n < 20; n++) expect(await get(url)).toBe('a')
  })

  test('replaces a killed process by one that knows the generation', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const socket = folder.file('admin.sock')
    await using program = new Program(...TOGETHER, '--admin', `unix:${socket}`)
    const url = await program.url()
    const admin = new AdminClient({ socket })
    await admin.prepare('g1', [{ id: 'a', address: a.address }])
    await admin.cut('g1')
    const [victim] = (await admin.status()).processes
    process.kill(victim!, 'SIGKILL')
    await until('another process took its place', async () => {
      const { processes } = await admin.status()
      return processes.length === 2 && !processes.includes(victim!)
    })
    expect(program.err).toContain(`balancer process ${victim} ended with code 137`)
    for (let n = 0; n < 20; n++) expect(await get(url)).toBe('a')
  })

  test('serve on while no process can be started in the place of one that ended, and until then say so once', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using program = new Program(...TOGETHER, '--to', a.address)
    const url = await program.url()
    const own = program.temporary.file(readdirSync(program.temporary.path)[0]!)
    rmSync(own, { recursive: true })
    writeFileSync(own, 'in the way')
    const [victim] = childrenOf(program.child.pid)
    process.kill(victim!, 'SIGKILL')
    const refusals = (): number => program.err.split('no balancer process can be started').length - 1
    await until('it is refused', () => refusals() === 1)
    const atMs = performance.now()
    while (performance.now() - atMs < 2_500) expect(await get(url)).toBe('a')
    expect(refusals()).toBe(1)
    rmSync(own)
    await until('another one is started', () => childrenOf(program.child.pid).length === 2)
    expect(await get(url)).toBe('a')
  })

  test('reads a changed configuration in every process', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    const file = folder.file('balancer.json')
    const write = (to: unknown): void => writeFileSync(file, JSON.stringify({ listen: '127.0.0.1:0', to }))
    write(a.address)
    await using program = new Program('--config', file, '--processes', '2')
    const url = await program.url()
    write('nonsense')
    program.child.kill('SIGHUP')
    await until('the refusal', () => program.err.includes('kept the running configuration'))
    expect(await get(url)).toBe('a')
    write(b.address)
    program.child.kill('SIGHUP')
    // One line from the parent, and one from each process.
    await until('three have reloaded', () => program.err.split('configuration reloaded').length === 4)
    for (let n = 0; n < 10; n++) expect(await get(url)).toBe('b')
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)(
    'treats a %s that every process gets as one stop',
    async (signal) => {
      using folder = new TempFolder()
      const finish = Promise.withResolvers<void>()
      const late = (): Promise<Response> => finish.promise.then(() => new Response('late'))
      await using slow = new TestBackend(folder.file('slow.sock'), late)
      const socket = folder.file('admin.sock')
      await using program = new Program(...TOGETHER, '--to', slow.address, '--admin', `unix:${socket}`)
      const url = await program.url()
      const { processes } = await new AdminClient({ socket }).status()
      const responses = Array.from({ length: 8 }, () => get(url))
      await until('the requests reached the backend', () => slow.requests === 8)
      for (let n = 0; n < 3; n++)
        for (const pid of [...processes, program.child.pid]) process.kill(pid, signal)
      await until('it accepts nothing new', () => refusesConnections(url))
      finish.resolve()
      expect(await Promise.all(responses)).toEqual(Array(8).fill('late'))
      expect(await program.exit()).toBe(0)
      expect(processes.filter(isRunning)).toEqual([])
    },
  )

  test('a second signal to the parent cuts off the requests of every process, and counts them', async () => {
    using folder = new TempFolder()
    const never = Promise.withResolvers<Response>()
    await using stuck = new TestBackend(folder.file('stuck.sock'), () => never.promise)
    await using program = new Program(...TOGETHER, '--to', stuck.address)
    const url = await program.url()
    const responses = Array.from({ length: 8 }, () => get(url).catch(() => 'cut'))
    await until('the requests reached the backend', () => stuck.requests === 8)
    program.child.kill('SIGTERM')
    // Earlier it would count as the same signal.
    await Bun.sleep(300)
    program.child.kill('SIGTERM')
    expect(await Promise.all(responses)).toEqual(Array(8).fill('cut'))
    expect(await program.exit()).toBe(1)
    const counts = [...program.err.matchAll(/gave up on (\d+) request/g)].map(([, count]) => Number(count))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(8)
  })

  test('leaves by order on the admin socket, and answers what all processes abandoned', async () => {
    using folder = new TempFolder()
    const never = Promise.withResolvers<Response>()
    await using stuck = new TestBackend(folder.file('stuck.sock'), () => never.promise)
    const socket = folder.file('admin.sock')
    const options = ['--to', stuck.address, '--admin', `unix:${socket}`, '--drain-timeout', '50ms']
    await using program = new Program(...TOGETHER, ...options)
    const url = await program.url()
    const responses = Array.from({ length: 8 }, () => get(url).catch(() => 'cut'))
    await until('the requests reached the backend', () => stuck.requests === 8)
    expect(await new AdminClient({ socket }).leave()).toEqual({ abandoned: 8 })
    expect(await program.exit()).toBe(1)
    expect(await Promise.all(responses)).toEqual(Array(8).fill('cut'))
    expect(program.err).toContain('gave up on 8 requests')
  })

  test('leaves no process behind when the parent is killed', async () => {
    using folder = new TempFolder()
    const socket = folder.file('admin.sock')
    await using program = new Program(...TOGETHER, '--admin', `unix:${socket}`)
    await program.url()
    const { processes } = await new AdminClient({ socket }).status()
    program.child.kill('SIGKILL')
    await until('they have ended', () => processes.filter(isRunning).length === 0)
  })

  test('ends with the reason when a process cannot start', async () => {
    using taken = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    await using program = new Program('--listen', `127.0.0.1:${taken.port}`, ...SOMEWHERE)
    expect(await program.exit()).toBe(1)
    expect(program.err).toContain(`127.0.0.1:${taken.port} is in use`)
  })

  test('refuses a Unix socket path, on which only one process can listen', async () => {
    await using program = new Program('--listen', 'unix:/tmp/x.sock', ...SOMEWHERE)
    expect(await program.exit()).toBe(5)
    expect(program.err).toContain('unix:/tmp/x.sock cannot be shared by 2 processes')
  })
})

const childrenOf = (pid: number): number[] => descendantsOf(pid).filter(isAlive)

const stopped = (backend: TestBackend): Promise<void> => backend[Symbol.asyncDispose]()

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
