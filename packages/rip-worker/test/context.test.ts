import { describe, expect, test } from 'bun:test'
import { until } from '@rip/testing'
import { serveWorker } from '../src/index.ts'
import { barrier, LocalWorker, RawConnection } from './helpers.ts'

describe('the context', () => {
  test('has the client as the proxy in front reports it', async () => {
    await using local = await LocalWorker.serve({
      workerId: 4,
      generation: 'g7',
      fetch: ({ url }, { id, workerId, generation, client }) =>
        Response.json({ url, id, workerId, generation, client }),
    })
    const headers = {
      'x-request-id': 'r-1',
      'x-forwarded-for': '203.0.113.9, 10.0.0.1',
      'x-forwarded-proto': 'https',
    }
    expect(await (await local.fetch('/a?b=1', { headers })).json()).toEqual({
      url: 'https://app.test/a?b=1',
      id: 'r-1',
      workerId: 4,
      generation: 'g7',
      client: { address: '10.0.0.1', protocol: 'https' },
    })
  })

  test("on TCP forwarded fields are the client's own claims and are not believed", async () => {
    await using worker = await serveWorker({
      listen: { port: 0, hostname: '127.0.0.1' },
      fetch: ({ url }, { id, client }) => Response.json({ scheme: new URL(url).protocol, id, client }),
    })
    const headers = { 'x-request-id': 'r-1', 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' }
    const seen = (await (await fetch(worker.url, { headers })).json()) as Record<string, unknown>
    expect(seen).toMatchObject({ scheme: 'http:', client: { address: '127.0.0.1', protocol: 'http' } })
    expect(seen['id']).not.toBe('r-1')
  })

  test('every request without an id gets a new one', async () => {
    await using local = await LocalWorker.serve({ fetch: (_, { id }) => new Response(id) })
    const ids = await Promise.all(Array.from({ length: 20 }, async () => (await local.fetch('/')).text()))
    expect(new Set(ids).size).toBe(20)
  })

  test('is also the third argument for (request, env, executionContext) handlers', async () => {
    await using local = await LocalWorker.serve({
      fetch: (_: Request, env: unknown, execution: { waitUntil?: unknown }) =>
        Response.json({ same: env === execution, waitUntil: typeof execution.waitUntil }),
    })
    expect(await (await local.fetch('/')).json()).toEqual({ same: true, waitUntil: 'function' })
  })

  test('its signal aborts when the client leaves', async () => {
    const seen: string[] = []
    await using local = await LocalWorker.serve({
      fetch: async (request, { signal }) => {
        request.signal.addEventListener('abort', () => seen.push('request'))
        signal.addEventListener('abort', () => seen.push('context'))
        seen.push('started')
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        return new Response()
      },
    })
    using connection = await RawConnection.to(local.socket)
    connection.get('/')
    await until('the handler runs', () => seen.includes('started'))
    connection[Symbol.dispose]()
    await until('both signals abort', () => seen.length === 3)
    await until('nothing is in flight', () => local.worker.stats.inFlight === 0)
    expect(local.log).toEqual([])
  })

  test('waitUntil delays the end of the worker, not the response; a failing task is logged', async () => {
    const work = barrier()
    const done: string[] = []
    await using local = await LocalWorker.serve({
      fetch: (_, { waitUntil }) => {
        waitUntil(work.passed.then(() => done.push('worked')))
        waitUntil(Promise.reject(new Error('background trouble')))
        return new Response('at once')
      },
    })
    expect(await (await local.fetch('/')).text()).toBe('at once')
    const closed = local.worker.close({ timeoutMs: 5000 }).then(() => done.push('closed'))
    await until('the failure is logged', () => local.log.length === 1)
    expect(local.log[0]).toContain('background trouble')
    expect(done).toEqual([])
    work.open()
    await closed
    expect(done).toEqual(['worked', 'closed'])
  })
})

test('a waitUntil task that is not done at the deadline is logged', async () => {
  await using local = await LocalWorker.serve({
    fetch: (_, { waitUntil }) => {
      waitUntil(new Promise(() => {}))
      return new Response('ok')
    },
  })
  await local.fetch('/')
  expect(await local.worker.close({ timeoutMs: 20 })).toEqual({ abandoned: 0 })
  expect(local.log).toEqual(['waitUntil tasks not done at the deadline: 1'])
})
