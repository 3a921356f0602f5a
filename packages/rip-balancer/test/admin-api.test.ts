import { describe, expect, test } from 'bun:test'
import { statSync } from 'node:fs'
import { until } from '@rip/testing'
import { AdminClient, balance } from '../src/index.ts'
import { TempFolder, TestBackend, named } from './servers.ts'
import { thrown } from './thrown.ts'

const get = async (url: string, headers: Record<string, string> = {}): Promise<string> =>
  (await fetch(url, { headers })).text()

describe('the admin API', () => {
  test('is open to its owner only', async () => {
    using folder = new TempFolder()
    await using _lb = await balance({ listen: '127.0.0.1:0', admin: `unix:${folder.file('admin.sock')}` })
    expect(statSync(folder.file('admin.sock')).mode & 0o777).toBe(0o600)
  })

  test('prepares, cuts and drains generations', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    const socket = folder.file('admin.sock')
    await using lb = await balance({ listen: '127.0.0.1:0', admin: `unix:${socket}` })
    const admin = new AdminClient({ socket })
    await admin.prepare('g1', [{ id: 'a', address: a.address }])
    await admin.cut('g1')
    expect(await get(lb.url)).toBe('a')
    await admin.prepare('g2', [{ id: 'b', address: b.address, maxInFlight: 2 }])
    expect(await get(lb.url)).toBe('a')
    await admin.cut('g2')
    expect(await get(lb.url)).toBe('b')
    expect(await admin.drain('g1', 1_000)).toMatchObject({ generation: 'g1', abandoned: 0 })
    const [pool] = (await admin.status()).pools
    expect(pool?.backends).toMatchObject([
      { id: 'b', generation: 'g2', state: 'serving', maxInFlight: 2, requests: 1 },
    ])
  })

  test('connects to backends when they are prepared, and puts aside those that do not answer before the cut', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const socket = folder.file('admin.sock')
    await using lb = await balance({ listen: '127.0.0.1:0', admin: `unix:${socket}` })
    const admin = new AdminClient({ socket })
    await admin.prepare('g1', [
      { id: 'gone', address: `unix:${folder.file('gone.sock')}` },
      { id: 'a', address: a.address },
    ])
    expect(a.requests).toBe(0)
    expect(lb.status().pools[0]?.backends).toMatchObject([
      { id: 'gone', state: 'ejected', failures: 1 },
      { id: 'a', state: 'prepared' },
    ])
    await admin.cut('g1')
    for (let n = 0; n < 4; n++) expect(await get(lb.url)).toBe('a')
    expect(await admin.metrics()).toContain('rip_retries_total 0\n')
  })

  test('waits for requests in flight, but not forever', async () => {
    using folder = new TempFolder()
    const gate = Promise.withResolvers<Response>()
    await using slow = new TestBackend(folder.file('slow.sock'), () => gate.promise)
    await using b = named(folder, 'b')
    const socket = folder.file('admin.sock')
    await using lb = await balance({ listen: '127.0.0.1:0', admin: `unix:${socket}` })
    const admin = new AdminClient({ socket })
    await admin.prepare('g1', [{ id: 'slow', address: slow.address }])
    await admin.cut('g1')
    const answer = get(lb.url)
    await until('the request reached the backend', () => slow.requests === 1)
    await admin.prepare('g2', [{ id: 'b', address: b.address }])
    await admin.cut('g2')
    expect(await admin.drain('g1', 20)).toMatchObject({ abandoned: 1 })
    // A call that waits for the end of a generation stops waiting when the generation is prepared again, and removes
    // nothing.
    const stopWaiting = new AbortController()
    const drained = admin.drain('g1', 10_000, stopWaiting.signal)
    await admin.prepare('g1', [{ id: 'b', address: b.address }])
    stopWaiting.abort()
    expect(await drained).toMatchObject({ generation: 'g1', abandoned: 1 })
    await admin.cut('g1')
    gate.resolve(new Response('still answered'))
    expect(await answer).toBe('still answered')
  })

  test('explains what is wrong with a call', async () => {
    using folder = new TempFolder()
    const socket = folder.file('admin.sock')
    await using _lb = await balance({ listen: '127.0.0.1:0', admin: `unix:${socket}` })
    const admin = new AdminClient({ socket })
    const messages = [
      await thrown(() => admin.cut('never')),
      await thrown(() => admin.prepare('g1', [{ id: 'a', address: 'nonsense' }])),
      await thrown(() => new AdminClient({ socket, pool: 'other' }).cut('g1')),
      await thrown(() => new AdminClient({ socket: folder.file('none.sock') }).status()),
    ].map(({ code, message }) => `${code} ${message}`)
    expect(messages[0]).toContain('was not prepared')
    expect(messages[1]).toContain(
      'address must be unix:PATH, host:port, https://host:port or h2c://host:port, but is "nonsense"',
    )
    expect(messages[2]).toContain('there is no pool other; known: app')
    expect(messages[3]).toStartWith('ADMIN_UNREACHABLE')
  })

  test('renders metrics', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const socket = folder.file('admin.sock')
    await using lb = await balance({
      listen: '127.0.0.1:0',
      to: { address: a.address, id: 'a' },
      admin: `unix:${socket}`,
    })
    await get(lb.url)
    await get(`${lb.url}/x`, { 'x-bad': 'no label' })
    const text = await new AdminClient({ socket }).metrics()
    expect(text).toContain('rip_requests_total{status="2xx"} 2\n')
    expect(text).toContain('rip_backend_requests_total{pool="app",backend="a"} 2\n')
    expect(text).toContain('rip_request_seconds_count 2\n')
    expect(text).not.toContain('x-bad')
  })
})
