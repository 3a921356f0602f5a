import { describe, expect, test } from 'bun:test'
import { until } from '@rip/testing'
import { createPool } from '../../src/index.ts'
import { TempFolder, TestBackend, named } from '../servers.ts'

const ask = (init?: RequestInit, path = '/'): Request => new Request(`http://site.example${path}`, init)

describe('a pool without a listener', () => {
  test('takes its backends in turn', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    await using pool = createPool({ to: [a.address, b.address] })
    const answers: string[] = []
    for (let n = 0; n < 4; n++) answers.push(await (await pool.fetch(ask())).text())
    expect(answers).toEqual(['a', 'b', 'a', 'b'])
    expect(pool.status()).toMatchObject({ inFlight: 0, backends: [{ requests: 2 }, { requests: 2 }] })
  })

  test('passes method, path, fields and body on, and the answer back unchanged', async () => {
    using folder = new TempFolder()
    await using backend = new TestBackend(folder.file('a.sock'), async (request) => {
      const { method, url, headers } = request
      const seen = {
        method,
        url,
        host: headers.get('host'),
        mine: headers.get('x-mine'),
        body: await request.text(),
      }
      return Response.json(seen, {
        status: 302,
        headers: { location: '/elsewhere', 'content-encoding': 'identity' },
      })
    })
    await using pool = createPool({ to: backend.address })
    const headers = { 'x-mine': 'kept', 'x-hop': 'dropped', connection: 'x-hop' }
    const response = await pool.fetch(ask({ method: 'POST', body: 'hello', headers }, '/path?q=1'))
    expect(response.status).toBe(302)
    expect([response.headers.get('location'), response.headers.get('content-encoding')]).toEqual([
      '/elsewhere',
      'identity',
    ])
    expect(await response.json()).toEqual({
      method: 'POST',
      url: 'http://site.example/path?q=1',
      host: 'site.example',
      mine: 'kept',
      body: 'hello',
    })
  })

  test('sends to TCP backends under the name the client used', async () => {
    using backend = Bun.serve({ port: 0, fetch: (request) => new Response(request.headers.get('host')) })
    await using pool = createPool({ to: `127.0.0.1:${backend.port}` })
    expect(await (await pool.fetch(ask())).text()).toBe('site.example')
  })

  test('replaces what a request says about its client by the client that the caller names', async () => {
    using backend = Bun.serve({ port: 0, fetch: ({ headers }) => Response.json([...headers]) })
    await using pool = createPool({ to: `127.0.0.1:${backend.port}` })
    const made = {
      'X-Forwarded-For': '6.6.6.6',
      'X-Forwarded-User': 'evil',
      X_Real_IP: '6.6.6.6',
      'True-Client-IP': '6.6.6.6',
      Forwarded: 'for=6.6.6.6',
      'X-Kept': '1',
    }
    const seen = async (client?: string): Promise<string[]> => {
      const response = await pool.fetch(ask({ headers: made }), client === undefined ? {} : { client })
      const fields = (await response.json()) as [string, string][]
      const ours = fields.filter(([name]) => /^(?:x[-_]|true|forwarded)/i.test(name))
      return ours.map(([name, value]) => `${name.toLowerCase()}: ${value}`).toSorted()
    }
    expect(await seen('::ffff:192.0.2.1')).toEqual([
      'x-forwarded-for: 192.0.2.1',
      'x-forwarded-host: site.example',
      'x-forwarded-proto: http',
      'x-kept: 1',
      'x-real-ip: 192.0.2.1',
    ])
    expect(await seen()).toEqual(
      Object.entries(made)
        .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
        .toSorted(),
    )
  })

  test('holds a slot until the body has ended or was cancelled', async () => {
    using folder = new TempFolder()
    await using a = new TestBackend(folder.file('a.sock'), () => new Response('x'.repeat(1_000_000)))
    await using pool = createPool({ to: a.address, maxInFlight: 1 })
    const first = await pool.fetch(ask())
    const second = pool.fetch(ask())
    await until('the second waits', () => pool.status().queued === 1)
    expect((await first.text()).length).toBe(1_000_000)
    await (await second).body!.cancel()
    expect(pool.status().inFlight).toBe(0)
  })

  test('gives a slot back once, also when a body is cancelled while it is read', async () => {
    using folder = new TempFolder()
    const endless = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) })
    await using a = new TestBackend(folder.file('a.sock'), () => new Response(endless))
    await using pool = createPool({ to: a.address })
    const reader = (await pool.fetch(ask())).body!.getReader()
    await reader.read()
    const pending = reader.read()
    await reader.cancel()
    expect((await pending).done).toBe(true)
    expect(pool.status().inFlight).toBe(0)
  })

  test('frees the place in the queue of a caller that aborts', async () => {
    using folder = new TempFolder()
    const gate = Promise.withResolvers<Response>()
    await using a = new TestBackend(folder.file('a.sock'), () => gate.promise)
    await using pool = createPool({ to: a.address, maxInFlight: 1 })
    const first = pool.fetch(ask())
    const leaving = new AbortController()
    const second = pool.fetch(ask({ signal: leaving.signal }))
    expect(pool.status().queued).toBe(1)
    leaving.abort(new Error('gone'))
    expect(second).rejects.toThrow('gone')
    await second.catch(() => undefined)
    expect(pool.status().queued).toBe(0)
    gate.resolve(new Response('done'))
    expect(await (await first).text()).toBe('done')
  })

  test('tries another backend when one cannot be reached, and says 502 when none can', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using pool = createPool({ to: ['unix:/nowhere/x.sock', a.address] })
    expect(await (await pool.fetch(ask())).text()).toBe('a')
    await using lost = createPool({ to: 'unix:/nowhere/x.sock' })
    const response = await lost.fetch(ask({ headers: { accept: 'application/json' } }))
    expect([response.status, await response.json()]).toMatchObject([502, { status: 502 }])
  })

  test('answers 503 when no backend takes the request, 504 when the answer is late', async () => {
    using folder = new TempFolder()
    await using empty = createPool({})
    const busy = await empty.fetch(ask())
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '1'])
    await using silent = new TestBackend(folder.file('s.sock'), () => new Promise<Response>(() => {}))
    await using pool = createPool({ to: silent.address, timeouts: { response: 20 } })
    expect((await pool.fetch(ask())).status).toBe(504)
    expect(pool.status().inFlight).toBe(0)
  })

  test('keeps a client at its backend by a cookie', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    await using pool = createPool({ to: [a.address, b.address], policy: 'sticky' })
    const first = await pool.fetch(ask())
    const name = await first.text()
    const cookie = first.headers.get('set-cookie')!.split(';')[0]!
    for (let n = 0; n < 4; n++)
      expect(await (await pool.fetch(ask({ headers: { cookie } }))).text()).toBe(name)
  })

  test('sets a Secure cookie for clients that came by TLS, according to the URL or the program', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using pool = createPool({ to: a.address, policy: 'sticky', stickyCookie: { name: 'at' } })
    const cookieOf = async (request: Request, scheme?: 'http' | 'https'): Promise<string> =>
      (await pool.fetch(request, scheme && { scheme })).headers.get('set-cookie')!
    expect(await cookieOf(ask())).toMatch(/^at=[\w-]{16}; Path=\/; HttpOnly; SameSite=Lax$/)
    expect(await cookieOf(ask(), 'https')).toEndWith('; Secure')
    expect(await cookieOf(new Request('https://shop.example/'))).toEndWith('; Secure')
  })

  test('can take its backends from a source', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using pool = createPool({ waitForBackends: true })
    const answer = pool.fetch(ask())
    await pool.discover(
      (async function* () {
        yield [a.address]
      })(),
    )
    expect(await (await answer).text()).toBe('a')
  })

  test('refuses options of a listener', () => {
    expect(() => createPool({ listen: ':80' } as never)).toThrow(
      'listen: a pool without listeners has no such key',
    )
  })
})
