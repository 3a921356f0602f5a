import { describe, expect, test } from 'bun:test'
import { until } from '@rip/testing'
import { type RequestContext } from '../src/index.ts'
import { barrier, LocalWorker } from './helpers.ts'

describe('WebSockets', () => {
  interface Peer {
    send(text: string): void
  }

  function open(socket: string, path: string = '/'): Promise<{ client: WebSocket; closed: Promise<number> }> {
    const client = new WebSocket(`ws+unix://${socket}:${path}`)
    const closed = new Promise<number>((resolve) =>
      client.addEventListener('close', ({ code }) => resolve(code)),
    )
    return new Promise((resolve, reject) => {
      client.addEventListener('open', () => resolve({ client, closed }))
      client.addEventListener('error', () => reject(new Error('no WebSocket')))
    })
  }

  const upgrade = (request: Request, context: RequestContext): Response | undefined =>
    context.upgrade(request, { data: {} }) ? undefined : new Response('not a WebSocket', { status: 426 })

  test("the context upgrades, and the application's handlers are called with their own `this`", async () => {
    await using local = await LocalWorker.serve({
      fetch: upgrade as () => Response,
      websocket: {
        greeting: 'hello',
        message(socket: Peer, text: string) {
          socket.send(`${String(this['greeting'])} ${text}`)
        },
      },
    })
    const { client } = await open(local.socket)
    const answer = new Promise((resolve) => client.addEventListener('message', ({ data }) => resolve(data)))
    client.send('world')
    expect(await answer).toBe('hello world')
    expect(local.worker.stats).toMatchObject({ webSockets: 1, inFlight: 0 })
    expect((await local.fetch('/')).status).toBe(426)
    client.close()
  })

  test('a drain asks clients to come back with 1012 and does not wait for the deadline', async () => {
    await using local = await LocalWorker.serve({
      fetch: upgrade as () => Response,
      websocket: { message() {} },
    })
    const peers = await Promise.all(Array.from({ length: 10 }, () => open(local.socket)))
    expect(await local.worker.close({ timeoutMs: 5000 })).toEqual({ abandoned: 0 })
    expect(await Promise.all(peers.map(({ closed }) => closed))).toEqual(peers.map(() => 1012))
  })

  test('a socket that is upgraded during a drain is asked to come back as well', async () => {
    const gate = barrier()
    await using local = await LocalWorker.serve({
      fetch: (async (request: Request, context: RequestContext) => {
        await gate.passed
        return upgrade(request, context)
      }) as () => Promise<Response>,
      websocket: { message() {} },
    })
    const opened = open(local.socket)
    await until('it waits', () => local.worker.stats.inFlight === 1)
    const closed = local.worker.close({ timeoutMs: 5_000 })
    gate.open()
    expect(await (await opened).closed).toBe(1012)
    expect(await closed).toEqual({ abandoned: 0 })
  })

  test('a handler that throws costs its own socket only', async () => {
    await using local = await LocalWorker.serve({
      fetch: upgrade as () => Response,
      websocket: {
        message(socket: Peer, text: string) {
          if (text === 'bad') throw new Error('cannot read this')
          socket.send(text)
        },
      },
    })
    const [bad, good] = await Promise.all([open(local.socket), open(local.socket)])
    bad.client.send('bad')
    expect(await bad.closed).toBe(1011)
    expect(local.log[0]).toContain('cannot read this')
    const answer = new Promise((resolve) =>
      good.client.addEventListener('message', ({ data }) => resolve(data)),
    )
    good.client.send('fine')
    expect(await answer).toBe('fine')
    good.client.close()
  })
})
