import { describe, expect, test } from 'bun:test'
import { AdminClient, balance } from '../../src/index.ts'
import { TempFolder } from '../servers.ts'

const backend = { id: 'a', address: 'unix:/nowhere' }

/** Calls as other programs might send them, with any content. */
const CALLS = [
  ['POST', '/pools/app/prepare', 'not json', 400, 'the body must be JSON'],
  ['POST', '/pools/app/prepare', '[]', 400, 'generation must be a text'],
  ['POST', '/pools/app/prepare', 'null', 400, 'expected a JSON object, got null'],
  ['POST', '/pools/app/prepare', { generation: 'g', backends: {} }, 400, 'backends must be a list'],
  [
    'POST',
    '/pools/app/prepare',
    { generation: 'g', backends: [null] },
    400,
    'expected a JSON object, got null',
  ],
  [
    'POST',
    '/pools/app/prepare',
    { generation: '', backends: [] },
    400,
    'generation must be a text, but is ""',
  ],
  [
    'POST',
    '/pools/app/prepare',
    { generation: 'g', backends: [{ ...backend, id: 7 }] },
    400,
    'id must be a text',
  ],
  [
    'POST',
    '/pools/app/prepare',
    { generation: 'g', backends: [{ ...backend, maxInFlight: '5' }] },
    400,
    'but is "5"',
  ],
  [
    'POST',
    '/pools/app/prepare',
    { generation: 'g', backends: [{ ...backend, weight: -1 }] },
    400,
    'but is -1',
  ],
  [
    'POST',
    '/pools/app/prepare',
    { generation: 'g', backends: [backend, backend] },
    409,
    'two backends of pool app',
  ],
  ['POST', '/pools/app/drain', { generation: 'g', timeoutMs: 'soon' }, 400, 'timeoutMs must be a number'],
  ['POST', '/pools/app/cut', { generation: 'never' }, 409, 'was not prepared'],
  [
    'POST',
    '/pools/app/drain-backend',
    { backend: 'never' },
    404,
    'pool app has no backend never; known: none',
  ],
  ['POST', '/pools/app/undrain-backend', { backend: 'never' }, 404, 'pool app has no backend never'],
  ['POST', '/pools/app/drain-backend', {}, 400, 'backend must be a text'],
  ['POST', '/pools/app/drain-backend', { backend: 'a', by: 'x\nforged line' }, 400, 'by must be a text'],
  ['POST', '/pools/%/cut', { generation: 'g' }, 404, 'there is no pool %'],
  ['POST', '/pools/other/cut', { generation: 'g' }, 404, 'there is no pool other'],
  ['POST', '/pools/app/cut/more', {}, 404, 'the admin API has no POST /pools/app/cut/more'],
  ['DELETE', '/pools/app', undefined, 404, 'the admin API has no DELETE /pools/app'],
  ['GET', '/', undefined, 404, 'the admin API has no GET /'],
] as const

describe('the admin API explains a wrong call, and goes on', () => {
  for (const [method, path, body, status, message] of CALLS)
    test(`${method} ${path} ${JSON.stringify(body) ?? ''}`, async () => {
      using folder = new TempFolder()
      const unix = folder.file('admin.sock')
      await using lb = await balance({ listen: '127.0.0.1:0', admin: `unix:${unix}` })
      const init = { method, unix, ...(body !== undefined && { body: text(body) }) }
      const response = await fetch(`http://balancer${path}`, init)
      expect([response.status, await response.text()]).toEqual([
        status,
        expect.stringContaining(escaped(message)),
      ])
      expect((await fetch('http://balancer/status', { unix })).status).toBe(200)
      expect(lb.pool.status().backends).toEqual([])
    })

  test('pools and backends may have any name in a call', async () => {
    using folder = new TempFolder()
    const socket = folder.file('admin.sock')
    for (const name of ['a/b', '%2e', 'a b\n', 'ä?#', '...']) {
      await using lb = await balance({ listen: '127.0.0.1:0', admin: `unix:${socket}`, pool: name })
      const admin = new AdminClient({ socket, pool: name })
      await admin.prepare(name, [{ id: name, address: 'unix:/nowhere' }])
      await admin.cut(name)
      expect(lb.pool.status()).toMatchObject({ name, generation: name, backends: [{ id: name }] })
      const twice = admin.prepare(name, [
        { id: name, address: 'unix:/a' },
        { id: name, address: 'unix:/b' },
      ])
      expect(((await twice.catch((error) => error)) as Error).message).not.toContain('\n')
    }
  })

  test('PUT replaces the backends, GET shows them', async () => {
    using folder = new TempFolder()
    const unix = folder.file('admin.sock')
    await using _lb = await balance({ listen: '127.0.0.1:0', admin: `unix:${unix}` })
    const put = { method: 'PUT', unix, body: JSON.stringify({ backends: [backend] }) }
    expect(await (await fetch('http://balancer/pools/app', put)).json()).toEqual({ ok: true })
    expect(await (await fetch('http://balancer/pools/app', { unix })).json()).toMatchObject({
      name: 'app',
      generation: null,
      backends: [{ id: 'a', address: 'unix:/nowhere', maxInFlight: 100, weight: 1, state: 'serving' }],
    })
  })
})

const text = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body))

/** The message in its JSON form. */
const escaped = (message: string): string => JSON.stringify(message).slice(1, -1)
