import { describe, expect, test } from 'bun:test'
import { until } from '@rip/testing'
import { barrier, LocalWorker, RawConnection, streamOf } from './helpers.ts'

describe('concurrency', () => {
  test('one request at a time, in the order of arrival, streams included', async () => {
    const log: string[] = []
    async function* body(path: string): AsyncGenerator<string> {
      yield path
      await Bun.sleep(5)
      log.push(`end ${path}`)
    }
    await using local = await LocalWorker.serve({
      concurrency: 1,
      fetch: async ({ url }) => {
        const { pathname } = new URL(url)
        log.push(`start ${pathname}`)
        await Bun.sleep(2)
        return new Response(streamOf(body(pathname)))
      },
    })
    const connections: RawConnection[] = []
    for (let number = 0; number < 5; number++) {
      const connection = await RawConnection.to(local.socket)
      connections.push(connection)
      connection.get(`/${number}`)
      await until('it has arrived', () => local.worker.stats.requests === number + 1)
    }
    await until('all are answered', () => connections.every(({ received }) => received.endsWith('0\r\n\r\n')))
    expect(log).toEqual([0, 1, 2, 3, 4].flatMap((number) => [`start /${number}`, `end /${number}`]))
    for (const connection of connections) connection[Symbol.dispose]()
  })

  test('a client that leaves while waiting frees its place and never reaches the handler', async () => {
    const gate = barrier()
    const reached: string[] = []
    await using local = await LocalWorker.serve({
      concurrency: 1,
      fetch: async ({ url }) => {
        reached.push(new URL(url).pathname)
        await gate.passed
        return new Response('ok')
      },
    })
    const first = local.fetch('/first')
    await until('the first runs', () => reached.length === 1)
    using second = await RawConnection.to(local.socket)
    second.get('/second')
    await until('the second waits', () => local.worker.stats.waiting === 1)
    second[Symbol.dispose]()
    await until('nobody waits', () => local.worker.stats.waiting === 0)
    gate.open()
    await first
    expect(reached).toEqual(['/first'])
  })

  test('requests beyond the queue get 503 with Retry-After', async () => {
    const gate = barrier()
    await using local = await LocalWorker.serve({
      concurrency: 1,
      maxWaiting: 1,
      fetch: () => gate.passed.then(() => new Response('ok')),
    })
    const first = local.fetch('/')
    await until('one runs', () => local.worker.stats.inFlight === 1)
    const second = local.fetch('/')
    await until('one waits', () => local.worker.stats.waiting === 1)
    const third = await local.fetch('/')
    expect([third.status, third.headers.get('retry-after')]).toEqual([503, '1'])
    gate.open()
    expect([(await first).status, (await second).status]).toEqual([200, 200])
  })

  test('a failing handler gives its place back', async () => {
    await using local = await LocalWorker.serve({
      concurrency: 1,
      fetch: async () => {
        await Bun.sleep(1)
        throw new Error('every time')
      },
    })
    const statuses = await Promise.all(Array.from({ length: 8 }, async () => (await local.fetch('/')).status))
    expect(statuses).toEqual(Array.from({ length: 8 }, () => 500))
  })
})
