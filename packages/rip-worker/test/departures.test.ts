import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { until } from '@rip/testing'
import { NOTICES_SUFFIX } from '../src/protocol.ts'
import { createWorker } from '../src/index.ts'
import { Folder, LocalWorker, RawConnection } from './helpers.ts'

const FIELDS = ['X-Request-Id: r-1', 'X-Real-IP: 203.0.113.9', 'X-Real-Port: 4711']
const NOTICE = 'r-1 203.0.113.9 4711\n'

/** Sends reports to a worker as a balancer does. */
async function tell(local: LocalWorker, ...texts: readonly string[]): Promise<void> {
  const socket = connect(local.socket + NOTICES_SUFFIX)
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  for (const text of texts) await new Promise((resolve) => socket.write(text, resolve))
  await new Promise<void>((resolve) => socket.end(resolve))
}

describe('a client that the balancer reports as gone', () => {
  test("has its request's signal aborted, and still gets an answer if there is one", async () => {
    const go = Promise.withResolvers<void>()
    await using local = await LocalWorker.serve({
      trustForwarded: 'balancer',
      fetch: async (request, context) => {
        const { signal } = request
        expect(context.signal).toBe(signal)
        expect(signal.aborted).toBe(false)
        go.resolve()
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        return new Response(`${signal.aborted} ${String(signal.reason.name)}`)
      },
    })
    using connection = await RawConnection.to(local.socket)
    connection.get('/', FIELDS)
    await go.promise
    await tell(local, 'r-1 203.0.113.9 4', '711\nother 203.0.113.9 4711\n')
    await until('it is answered', () => connection.received.endsWith('true AbortError'))
    expect(connection.closed).toBe(false)
  })

  test('is reported to the listeners of a handler also if the report came before the request', async () => {
    await using local = await LocalWorker.serve({
      trustForwarded: 'balancer',
      fetch: async ({ signal }) => {
        const before = signal.aborted
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        return new Response(`${before} ${signal.aborted}`)
      },
    })
    await tell(local, NOTICE)
    // A report is read before requests that arrive after it.
    using connection = await RawConnection.to(local.socket)
    connection.get('/', FIELDS)
    await until('it is answered', () => connection.received.endsWith('false true'))
  })

  test('is known to a handler that asks only later', async () => {
    const go = Promise.withResolvers<void>()
    await using local = await LocalWorker.serve({
      trustForwarded: 'balancer',
      fetch: async (request) => {
        await go.promise
        return new Response(String(request.signal.aborted))
      },
    })
    using connection = await RawConnection.to(local.socket)
    connection.get('/', FIELDS)
    await until('it runs', () => local.worker.stats.inFlight === 1)
    await tell(local, NOTICE)
    using second = await RawConnection.to(local.socket)
    second.get('/', ['X-Request-Id: r-1', 'X-Real-IP: 203.0.113.10', 'X-Real-Port: 4711'])
    await until('both run', () => local.worker.stats.inFlight === 2)
    // A report is read before requests that arrive after it.
    await tell(local, '\n')
    go.resolve()
    await until('both are answered', () => connection.received !== '' && second.received !== '')
    expect([connection.received.slice(-4), second.received.slice(-5)]).toEqual(['true', 'false'])
  })

  test('ends requests made for it, even if only they hold the signal', async () => {
    const ended = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    using slow = Bun.serve({
      port: 0,
      fetch: (request) => {
        request.signal.addEventListener('abort', () => ended.resolve())
        begun.resolve()
        return new Promise<Response>(() => {})
      },
    })
    await using local = await LocalWorker.serve({
      trustForwarded: 'balancer',
      fetch: ({ signal }) => fetch(slow.url, { signal }),
    })
    using connection = await RawConnection.to(local.socket)
    connection.get('/', FIELDS)
    await begun.promise
    Bun.gc(true)
    await tell(local, NOTICE)
    await ended.promise
    await until('nobody waits', () => connection.received.startsWith('HTTP/1.1 499 '))
    expect(local.log).toEqual([])
  })

  test('is known to a stream that has begun', async () => {
    const seen: string[] = []
    await using local = await LocalWorker.serve({
      trustForwarded: 'balancer',
      fetch: ({ signal }) => {
        signal.addEventListener('abort', () => seen.push('aborted'))
        const start = (controller: ReadableStreamDefaultController): void => {
          controller.enqueue(new TextEncoder().encode('begun'))
          signal.addEventListener('abort', () => controller.close())
        }
        return new Response(new ReadableStream({ start }))
      },
    })
    using connection = await RawConnection.to(local.socket)
    connection.get('/', FIELDS)
    await until('it streams', () => connection.received.includes('begun'))
    Bun.gc(true)
    await tell(local, NOTICE)
    await until('it ends', () => connection.received.endsWith('0\r\n\r\n'))
    expect(seen).toEqual(['aborted'])
  })

  test('leaves the queue of the worker', async () => {
    let go = Promise.withResolvers<void>()
    let runs = 0
    const work = async (): Promise<void> => {
      runs++
      await go.promise
    }
    const fetches = { fetch: () => work().then(() => new Response('ok')) }
    const listens = {
      listener: (_: unknown, response: ServerResponse) => work().then(() => response.end('ok')),
    }
    for (const application of [fetches, listens]) {
      runs = 0
      go = Promise.withResolvers<void>()
      await using local = await LocalWorker.serve({
        trustForwarded: 'balancer',
        concurrency: 1,
        ...application,
      })
      using first = await RawConnection.to(local.socket)
      first.get('/', ['X-Request-Id: r-0'])
      await until('it runs', () => runs === 1)
      using second = await RawConnection.to(local.socket)
      second.get('/', FIELDS)
      await until('it waits', () => local.worker.stats.waiting === 1)
      await tell(local, NOTICE)
      await until('it is gone', () => second.received.startsWith('HTTP/1.1 499 '))
      go.resolve()
      await until('the first is answered', () => first.received.endsWith('ok'))
      expect(runs).toBe(1)
    }
  })

  test('shows in node:http as events, and still gets an answer if there is one', async () => {
    const events: string[] = []
    let proceed = (): void => {}
    await using local = await LocalWorker.serve({
      trustForwarded: 'balancer',
      listener: (request, response) => {
        request.on('aborted', () => events.push('request aborted'))
        request.on('close', () => events.push('request closed'))
        response.once('close', () => events.push(`response closed, ended: ${response.writableEnded}`))
        proceed = () => void response.end('late')
        events.push('begun')
      },
    })
    using connection = await RawConnection.to(local.socket)
    connection.get('/', FIELDS)
    await until('it runs', () => events.includes('begun'))
    await tell(local, NOTICE)
    await until('it knows', () => events.length === 4)
    expect(connection.received).toBe('')
    proceed()
    await until('it is answered', () => connection.received.endsWith('\r\n\r\nlate'))
    expect(events.slice(0, 4)).toEqual([
      'begun',
      'request aborted',
      'request closed',
      'response closed, ended: false',
    ])
    await until('it is not counted any longer', () => local.worker.stats.inFlight === 0)
  })

  test('does not interrupt a response that node:http has begun to send', async () => {
    let proceed = (): void => {}
    await using local = await LocalWorker.serve({
      trustForwarded: 'balancer',
      listener: (request, response) => {
        response.write('one')
        proceed = () => void response.end('two')
        request.on('aborted', () => response.write('told'))
      },
    })
    using connection = await RawConnection.to(local.socket)
    connection.get('/', FIELDS)
    await until('it streams', () => connection.received.includes('one'))
    await tell(local, NOTICE)
    await until('it is told', () => connection.received.includes('told'))
    proceed()
    await until('it is complete', () => connection.received.endsWith('0\r\n\r\n'))
    await until('it is not counted any longer', () => local.worker.stats.inFlight === 0)
  })
})

test('a client that ends its side gets the stream that is sent to it, whenever that begins', async () => {
  const go = Promise.withResolvers<void>()
  let running = false
  async function* parts(): AsyncGenerator<string> {
    running = true
    await go.promise
    yield* ['one', 'two']
  }
  await using local = await LocalWorker.serve({
    trustForwarded: 'balancer',
    listener: async (request, response) => {
      request.on('aborted', () => go.resolve())
      await pipeline(Readable.from(parts()), response)
    },
  })
  using connection = await RawConnection.to(local.socket)
  connection.get('/', FIELDS)
  await until('it runs', () => running)
  await tell(local, NOTICE)
  await until('it is complete', () => connection.received.endsWith('0\r\n\r\n'))
  expect(connection.received).toMatch(/one[^]*two/)
  expect(local.log).toEqual([])
})

test('a socket path for reports that is taken ends the start with an error that names it', async () => {
  using folder = new Folder()
  const listen = folder.file('w.sock')
  folder.write(`w.sock${NOTICES_SUFFIX}`, 'not a socket')
  const worker = createWorker({ listen, trustForwarded: 'balancer', fetch: () => new Response() })
  const failure: unknown = await worker.start().catch((error: unknown) => error)
  expect(failure).toMatchObject({
    code: 'RIP_LISTEN_FAILED',
    message: expect.stringContaining(listen + NOTICES_SUFFIX),
  })
  await worker.close({ timeoutMs: 0 })
  expect(existsSync(listen)).toBe(false)
})

test('a socket for reports that a killed process left behind is taken over', async () => {
  using folder = new Folder()
  const listen = folder.file('w.sock')
  const left = JSON.stringify(listen + NOTICES_SUFFIX)
  const killed = `Bun.listen({ unix: ${left}, socket: { data() {} } }); process.kill(process.pid, 'SIGKILL')`
  Bun.spawnSync([process.execPath, '-e', killed])
  expect(existsSync(listen + NOTICES_SUFFIX)).toBe(true)
  await using worker = createWorker({ listen, trustForwarded: 'balancer', fetch: () => new Response() })
  await worker.start()
  const socket = connect(listen + NOTICES_SUFFIX)
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  socket.destroy()
})

test('the socket for reports exists under a balancer only, and goes with the worker', async () => {
  const local = await LocalWorker.serve({ trustForwarded: 'balancer', fetch: () => new Response() })
  const path = local.socket + NOTICES_SUFFIX
  expect(existsSync(path)).toBe(true)
  await local.worker.close()
  expect(existsSync(path)).toBe(false)
  await local[Symbol.asyncDispose]()
  await using alone = await LocalWorker.serve({ fetch: () => new Response() })
  expect(existsSync(alone.socket + NOTICES_SUFFIX)).toBe(false)
})
