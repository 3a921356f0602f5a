import { describe, expect, test } from 'bun:test'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '@rip/testing'
import type { BalancerConfig, ListenerConfig } from '../src/config/config.ts'
import { BalancerError, balance, createBalancer, type Balancer } from '../src/index.ts'
import { TempFolder, TestBackend, named } from './servers.ts'

const ANYWHERE = '127.0.0.1:0'
const CERTIFICATES = join(import.meta.dir, 'listener/certificates')

const get = async (url: string, options: BunFetchRequestInit = {}): Promise<string> =>
  (await fetch(url, options)).text()

/** A request on a connection of its own. */
const once = (url: string): Promise<string> => get(url, { headers: { connection: 'close' } })

const secure = (url: string): Promise<string> => get(url, { tls: { rejectUnauthorized: false } })

async function refusal(reload: Promise<void>): Promise<BalancerError> {
  const error = await reload.catch((reason: unknown) => reason)
  if (error instanceof BalancerError) return error
  throw new Error('it was not refused', { cause: error })
}

function withCertificate(folder: TempFolder, address: string, name: string): ListenerConfig {
  const [cert, key] = [folder.file(`${name}.crt`), folder.file(`${name}.key`)]
  copyFileSync(join(CERTIFICATES, `${name}.crt`), cert)
  copyFileSync(join(CERTIFICATES, `${name}.key`), key)
  return { address, tls: { cert, key } }
}

/** Address of a listener as it is declared. */
const hostOf = (url: string): string => new URL(url).host

describe('listeners change on reload', () => {
  test('a new one accepts, a removed one finishes its requests', async () => {
    using folder = new TempFolder()
    const late = Promise.withResolvers<Response>()
    await using backend = new TestBackend(folder.file('b.sock'), ({ url }) =>
      url.endsWith('/late') ? late.promise : new Response('now'),
    )
    await using lb = await balance({ listen: [ANYWHERE, ANYWHERE], to: backend.address })
    const [stays, goes] = lb.urls as [string, string]
    const answer = get(`${goes}/late`)
    await until('the request reached the backend', () => backend.requests === 1)
    await lb.reload({ listen: [ANYWHERE, 'localhost:0'], to: backend.address })
    const comes = lb.urls[1]!
    expect(lb.urls[0]).toBe(stays)
    expect(comes).not.toBe(goes)
    expect(await once(stays)).toBe('now')
    expect(await once(comes)).toBe('now')
    expect(await once(goes).catch(() => 'nobody')).toBe('nobody')
    late.resolve(new Response('late'))
    expect(await answer).toBe('late')
  })

  test('requests that do not finish in time are cut', async () => {
    using folder = new TempFolder()
    await using backend = new TestBackend(folder.file('b.sock'), () => new Promise(() => {}))
    const to = backend.address
    await using lb = await balance({ listen: [ANYWHERE, ANYWHERE], to })
    const answer = get(lb.urls[1]!).catch(() => 'cut')
    await until('the request reached the backend', () => backend.requests === 1)
    await lb.reload({ listen: ANYWHERE, to, timeouts: { drain: '20ms' } })
    expect(await answer).toBe('cut')
    await until('the backend is free', () => lb.pool.inFlight === 0)
  })

  test('an address that is taken refuses the whole configuration', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    using taken = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    await using lb = await balance({ listen: ANYWHERE, to: a.address })
    const opened = `unix:${folder.file('front.sock')}`
    const listen = [ANYWHERE, opened, `127.0.0.1:${taken.port}`]
    const error = await refusal(lb.reload({ listen, to: b.address }))
    expect(error.code).toBe('ADDRESS_IN_USE')
    expect(error.message).toContain(`127.0.0.1:${taken.port} is in use`)
    expect(existsSync(folder.file('front.sock'))).toBe(false)
    expect(lb.urls).toHaveLength(1)
    expect(await once(lb.url)).toBe('a')
  })

  test('an address gets TLS, another certificate, and plain HTTP again', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using lb = await balance({ listen: ANYWHERE, to: a.address })
    const address = hostOf(lb.url)
    // The same socket under the name of its declaration.
    await lb.reload({ listen: withCertificate(folder, ANYWHERE, 'first'), to: a.address })
    expect(lb.url).toBe(`https://${address}`)
    expect(await secure(lb.url)).toBe('a')
    await lb.reload({ listen: withCertificate(folder, ANYWHERE, 'second'), to: a.address })
    expect(await commonName(lb)).toBe('second.test')
    await lb.reload({ listen: ANYWHERE, to: a.address })
    expect(lb.url).toBe(`http://${address}`)
    expect(await once(lb.url)).toBe('a')
  })

  test('the path of a Unix socket stays while its listener gets TLS', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const path = folder.file('front.sock')
    const listen = `unix:${path}`
    await using lb = await balance({ listen, to: a.address })
    await lb.reload({ listen: withCertificate(folder, listen, 'first'), to: a.address })
    expect(await get('https://h/', { unix: path, tls: { rejectUnauthorized: false } })).toBe('a')
  })

  test('a certificate that cannot be used refuses the whole configuration', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    await using lb = await balance({ listen: ANYWHERE, to: a.address })
    const tls = { cert: folder.file('missing.crt'), key: folder.file('missing.key') }
    const error = await refusal(lb.reload({ listen: { address: ANYWHERE, tls }, to: b.address }))
    expect(error.code).toBe('CONFIG_INVALID')
    expect(await once(lb.url)).toBe('a')
  })

  test('nothing listens after a close during a reload', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using lb = await balance({ listen: ANYWHERE, to: a.address })
    const path = folder.file('front.sock')
    const reload = refusal(lb.reload({ listen: [ANYWHERE, `unix:${path}`], to: a.address }))
    await lb.close()
    expect((await reload).code).toBe('CLOSED')
    expect(existsSync(path)).toBe(false)
  })

  test('before the start the last declaration counts', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using lb = createBalancer({ listen: 'unix:/nowhere/front.sock', to: a.address })
    await lb.reload({ listen: ANYWHERE, to: a.address })
    await lb.start()
    expect(await once(lb.url)).toBe('a')
  })

  test('adding and removing a listener loses nothing of another one', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using lb = await balance({ listen: ANYWHERE, to: a.address })
    const { url } = lb
    const sockets = [`unix:${folder.file('one.sock')}`, `unix:${folder.file('two.sock')}`]
    const turns = Array.from({ length: 40 }, (_, turn) => [ANYWHERE, ...sockets.slice(turn % 3)])
    const reloading = Promise.all(turns.map((listen) => lb.reload({ listen, to: a.address })))
    const client = async (ask: typeof get): Promise<string[]> => {
      const answers: string[] = []
      for (let n = 0; n < 50; n++) answers.push(await ask(url))
      return answers
    }
    const answers = (await Promise.all([client(get), client(get), client(once), client(once)])).flat()
    await reloading
    expect(answers.filter((answer) => answer !== 'a')).toEqual([])
    expect(lb.status()).toMatchObject({ requests: 200, serverErrors: 0 })
  })
})

describe('the access log changes on reload', () => {
  test('each request is in the file that was configured when it ended', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const logging = (name: string): { accessLog: { format: 'text'; file: string } } => ({
      accessLog: { format: 'text', file: folder.file(name) },
    })
    const lb = await balance({ listen: ANYWHERE, to: a.address })
    await get(`${lb.url}/none`)
    await lb.reload({ listen: ANYWHERE, to: a.address, ...logging('one.log') })
    await get(`${lb.url}/one`)
    await lb.reload({ listen: ANYWHERE, to: a.address, ...logging('two.log') })
    await get(`${lb.url}/two`)
    await lb.close()
    const targets = (name: string): string[] =>
      readFileSync(folder.file(name), 'utf8').match(/\/(?:none|one|two)\b/g)!
    expect(targets('one.log')).toEqual(['/one'])
    expect(targets('two.log')).toEqual(['/two'])
  })
})

/** The name in the certificate of a listener. */
async function commonName(lb: Balancer): Promise<string> {
  const { hostname, port } = new URL(lb.url)
  const named = Promise.withResolvers<string>()
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    tls: { rejectUnauthorized: false },
    socket: {
      data() {},
      handshake: (peer) => named.resolve(String(peer.getPeerCertificate().subject.CN)),
    },
  })
  const name = await named.promise
  socket.end()
  return name
}

describe('health checks change on reload', () => {
  const refusesAll = (folder: TempFolder): TestBackend =>
    new TestBackend(folder.file('b.sock'), ({ url }) =>
      new URL(url).pathname === '/wrong' ? new Response('', { status: 404 }) : new Response('app'),
    )
  const checks = (path: string): NonNullable<BalancerConfig['health']> => ({
    path,
    interval: 20,
    fall: 1,
    rise: 1,
  })
  const stateOf = (lb: Balancer): string | undefined => lb.pool.status().backends[0]?.state

  test('without them every backend serves again', async () => {
    using folder = new TempFolder()
    await using backend = refusesAll(folder)
    const config = { listen: ANYWHERE, to: backend.address }
    await using lb = await balance({ ...config, health: checks('/wrong') })
    await until('it is taken out', () => stateOf(lb) === 'unhealthy')
    await lb.reload(config)
    expect(stateOf(lb)).toBe('serving')
    expect(await once(lb.url)).toBe('app')
  })

  test('without them backends that were out of rotation serve as well', async () => {
    using folder = new TempFolder()
    await using backend = refusesAll(folder)
    const listen = ANYWHERE
    await using lb = await balance({ listen, health: checks('/wrong') })
    const address = { kind: 'unix', path: backend.socket } as const
    lb.pool.prepare('g1', [{ id: 'b', address, maxInFlight: 1, weight: 1 }])
    lb.pool.cut('g1')
    await until('it is taken out', () => stateOf(lb) === 'unhealthy')
    lb.pool.prepare('g2', [])
    lb.pool.cut('g2')
    await lb.reload({ listen })
    lb.pool.cut('g1')
    expect(await once(lb.url)).toBe('app')
  })

  test('with another path a backend that was out is checked at once', async () => {
    using folder = new TempFolder()
    await using backend = refusesAll(folder)
    const config = { listen: ANYWHERE, to: backend.address }
    await using lb = await balance({ ...config, health: checks('/wrong') })
    await until('it is taken out', () => stateOf(lb) === 'unhealthy')
    await lb.reload({ ...config, health: { path: '/up', interval: '10m', rise: 1 } })
    await until('it is back', () => stateOf(lb) === 'serving')
  })
})

describe('the state of backends', () => {
  test('survives a reload of other settings, weights and health checks included', async () => {
    using folder = new TempFolder()
    await using good = named(folder, 'good')
    let asked = 0
    await using sick = new TestBackend(folder.file('sick.sock'), ({ url }) => {
      const isCheck = new URL(url).pathname !== '/'
      if (!isCheck) asked++
      return new Response('', { status: isCheck ? 500 : 200 })
    })
    const declared = (weight: number): NonNullable<BalancerConfig['to']> => [
      { id: 'good', address: good.address },
      { id: 'sick', address: sick.address, weight },
      { id: 'dead', address: `unix:${folder.file('nobody.sock')}`, weight },
    ]
    const health = { path: '/up', interval: 20, fall: 1 }
    const config = { listen: ANYWHERE, to: declared(1), health, ejection: { min: '10m', max: '10m' } }
    await using lb = await balance(config)
    const states = (): string[] => lb.pool.status().backends.map(({ state }) => state)
    await until('the sick one is taken out', () => states()[1] === 'unhealthy')
    await until('the dead one is noticed', async () => (await once(lb.url), states()[2] !== 'serving'))
    asked = 0
    for (const change of [
      { limits: { body: '1MiB' } },
      { policy: 'least-requests' as const },
      { to: declared(5) },
      { health: { path: '/other', interval: '10m', fall: 3 } },
    ]) {
      await lb.reload({ ...config, ...change })
      for (let n = 0; n < 10; n++) expect(await once(lb.url)).toBe('good')
    }
    expect(asked).toBe(0)
  })
})
