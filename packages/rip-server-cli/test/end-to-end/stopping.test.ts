import { describe, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AdminClient } from '@rip/balancer'
import { findInstances } from '@rip/manager'
import { startLoad } from '../load.ts'
import { Sandbox, type Server, until } from '../server.ts'
import { inFlight } from './in-flight.ts'

const TEST_TIMEOUT_MS = 120_000

async function expectNothingLeft(sandbox: Sandbox): Promise<void> {
  await until('no process is left', async () => (await sandbox.processes()).length === 0)
  const files = (await sandbox.leftovers()).filter((path) => path !== `${sandbox.runDirs}/rip-server`)
  expect(files).toEqual([])
}

describe.concurrent('nothing is left behind after', () => {
  const ways: readonly (readonly [string, (server: Server, sandbox: Sandbox) => unknown])[] = [
    ['TERM', (server) => server.kill('SIGTERM')],
    ['Ctrl-C', (server) => server.interrupt()],
    ['QUIT', (server) => server.kill('SIGQUIT')],
    ['stop', (_, sandbox) => sandbox.run('stop')],
    ['stop --now', (_, sandbox) => sandbox.run('stop', '--now')],
  ]
  for (const [name, stop] of ways) {
    test(
      name,
      async () => {
        await using sandbox = await Sandbox.create()
        const server = await sandbox.start('dev', await sandbox.demo(), 'w:2', '0')
        expect((await sandbox.processes()).length).toBeGreaterThanOrEqual(4)
        await stop(server, sandbox)
        expect((await server.finished()).code).toBe(0)
        await expectNothingLeft(sandbox)
      },
      TEST_TIMEOUT_MS,
    )
  }
})

test.concurrent(
  'TERM lets a request under way finish',
  async () => {
    await using sandbox = await Sandbox.create()
    const server = await sandbox.start('dev', await sandbox.demo(), 'w:1', '0')
    const slow = server.json('/slow?ms=1000')
    await until('it is being answered', async () => {
      const { workers } = await sandbox.snapshot(server)
      return workers.some(({ inFlight }) => inFlight > 0)
    })
    server.kill('SIGTERM')
    await until('new connections are refused', async () => {
      const refused = await server.json('/api/whoami').catch((error: Error) => error)
      return refused instanceof Error && refused.message.includes('Unable to connect')
    })
    expect(await slow).toMatchObject({ slept: 1000 })
    expect((await server.finished()).code).toBe(0)
  },
  TEST_TIMEOUT_MS,
)

test.concurrent(
  'with a delay a load balancer can notice first, and later requests are still answered',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('ts-app')
    const server = await sandbox.start(app, 'w:2', '0', '-b', '127.0.0.1', '--stop-delay', '3s')
    const [instance] = findInstances(sandbox.env())
    const ready = (): Promise<Response> => fetch('http://control/ready', { unix: instance!.control })
    expect((await ready()).status).toBe(200)
    const load = startLoad({ url: server.url, path: '/api/whoami', perSecond: 100 })
    const toldAt = performance.now()
    server.kill('SIGTERM')
    await server.says('stopping: serving on for 3.0 s')
    const answer = await ready()
    expect([answer.status, await answer.json()]).toEqual([503, { ready: false, health: 'stopping' }])
    expect(await sandbox.run('status')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('stopping'),
    })
    // The load balancer takes a while to notice.
    const late = await Promise.all(Array.from({ length: 50 }, () => server.json('/api/whoami')))
    for (const each of late) expect(each).toHaveProperty('worker')
    await until('others have come as well', () => load.sent > 10)
    const { failures } = await load.stop()
    expect(failures).toEqual([])
    expect((await server.finished()).code).toBe(0)
    expect(performance.now() - toldAt).toBeGreaterThanOrEqual(3_000)
    await expectNothingLeft(sandbox)
  },
  TEST_TIMEOUT_MS,
)

test.concurrent(
  'a second Ctrl-C does not wait',
  async () => {
    await using sandbox = await Sandbox.create()
    const server = await sandbox.start('dev', await sandbox.demo(), 'w:1', '0')
    const slow = server.json('/slow?ms=25000').then(
      () => 'answered',
      () => 'cut off',
    )
    await until('it is being answered', async () => {
      const { workers } = await sandbox.snapshot(server)
      return workers.some(({ inFlight }) => inFlight > 0)
    })
    server.interrupt()
    await server.says('stopping')
    // Earlier it would count as the same Ctrl-C, passed on by a parent.
    await Bun.sleep(300)
    server.interrupt()
    const { code } = await server.finished()
    expect([await slow, code]).toEqual(['cut off', 1])
    await expectNothingLeft(sandbox)
  },
  TEST_TIMEOUT_MS,
)

const STREAMS = `
async function* beats() { for (;;) { yield 'data: beat\\n\\n'; await Bun.sleep(20) } }
const events = { headers: { 'content-type': 'text/event-stream' } }
export default {
  async fetch(request, server) {
    const { pathname } = new URL(request.url)
    if (pathname === '/socket') return server.upgrade(request) ? undefined : new Response('no', { status: 400 })
    if (pathname === '/events') return new Response(beats(), events)
    // An application that keeps its stream open.
    if (pathname === '/stubborn')
      return new Response(new ReadableStream({ pull: async (c) => { c.enqueue('data: x\\n\\n'); await Bun.sleep(20) } }), events)
    if (pathname === '/never') return new Promise(() => {})
    if (pathname === '/slow') await Bun.sleep(3000)
    return new Response('whole')
  },
  websocket: { message() {} },
}
`

/** Connections that are open at a server, and how they ended. */
async function openStreams(
  url: string,
  path: string,
): Promise<{ readonly socket: Promise<number>; readonly events: Promise<string> }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket`)
  const closed = new Promise<number>((resolve) =>
    socket.addEventListener('close', ({ code }) => resolve(code)),
  )
  await new Promise((resolve) => socket.addEventListener('open', resolve))
  const response = await fetch(url + path)
  const ended = response.text().then(
    (text) => text.slice(0, 4),
    (error: Error) => error.message,
  )
  return { socket: closed, events: ended }
}

test.concurrent(
  'WebSockets and event streams are ended at once, while requests get their time',
  async () => {
    await using sandbox = await Sandbox.create()
    await writeFile(join(sandbox.folder, 'index.js'), STREAMS)
    const server = await sandbox.start('start', sandbox.folder, 'w:2', '0', '-b', '127.0.0.1')
    const { socket, events } = await openStreams(server.url, '/events')
    const order: string[] = []
    const slow = fetch(`${server.url}/slow`).then(async (response) => {
      order.push('answered')
      return response.text()
    })
    await until('the request is under way', async () => (await inFlight(sandbox, server)) >= 1)
    server.kill('SIGTERM')
    const ended = Promise.all([socket, events]).then((how) => (order.push('ended'), how))
    expect(await ended).toEqual([1012, 'data'])
    expect(await slow).toBe('whole')
    expect(order).toEqual(['ended', 'answered'])
    expect((await server.finished()).code).toBe(0)
    await expectNothingLeft(sandbox)
  },
  TEST_TIMEOUT_MS,
)

test.concurrent(
  'one Ctrl-C ends development within seconds, whatever is open, and says what it cut off',
  async () => {
    await using sandbox = await Sandbox.create()
    await writeFile(join(sandbox.folder, 'index.js'), STREAMS)
    const server = await sandbox.start('dev', sandbox.folder, 'w:2', '0', '-b', '127.0.0.1')
    const { socket, events } = await openStreams(server.url, '/stubborn')
    const never = fetch(`${server.url}/never`).then(
      ({ status }) => status,
      () => 'cut off',
    )
    await until('the request is under way', async () => (await inFlight(sandbox, server)) >= 1)
    const interruptedAt = performance.now()
    server.interrupt()
    const { code, stderr } = await server.finished()
    // Well below the drain timeout of 30 s, with room for a busy machine above the 3 s.
    expect(performance.now() - interruptedAt).toBeLessThan(10_000)
    expect([await socket, await events, code]).toEqual([1012, 'data', 1])
    expect(await never).not.toBe(200)
    expect(stderr).toContain('1 request was cut off at the deadline')
    await expectNothingLeft(sandbox)
  },
  TEST_TIMEOUT_MS,
)

test.concurrent.each(['500ms', '2s'])(
  'TERM reports a request that did not finish within %s',
  async (timeout) => {
    await using sandbox = await Sandbox.create()
    const server = await sandbox.start('dev', await sandbox.demo(), 'w:1', '0', '--drain-timeout', timeout)
    const slow = server.json('/slow?ms=25000').then(
      () => 'answered',
      () => 'cut off',
    )
    await until('it is being answered', async () => {
      const { workers } = await sandbox.snapshot(server)
      return workers.some(({ inFlight }) => inFlight > 0)
    })
    server.kill('SIGTERM')
    const { code, stderr } = await server.finished()
    expect([await slow, code]).toEqual(['cut off', 1])
    expect(stderr).toContain('1 request was cut off at the deadline')
    // The client got an answer about it from the balancer, which then had nothing left to wait for.
    expect(stderr).not.toContain('gave up on')
    await expectNothingLeft(sandbox)
  },
  TEST_TIMEOUT_MS,
)

test.concurrent.each<[string, number, (server: Server, sandbox: Sandbox) => unknown]>([
  ['TERM while it boots', 143, (server) => server.kill('SIGTERM')],
  ['a first start that fails', 4, (_server, { folder }) => writeFile(join(folder, 'fail'), '')],
])(
  '%s answers requests that wait for a worker',
  async (_, exitCode, end) => {
    await using sandbox = await Sandbox.create()
    const app = `import { existsSync } from 'node:fs'
      while (!existsSync(import.meta.dir + '/fail')) await Bun.sleep(5)
      throw new Error('told to fail')`
    await writeFile(join(sandbox.folder, 'index.js'), app)
    const server = sandbox.launch('start', sandbox.folder, 'w:1', '0', '-b', '127.0.0.1')
    const instance = await until('it has an address', () => findInstances(sandbox.env())[0])
    let status: number | undefined
    const asking = (async () => {
      // Refused while no process listens; a connection that is accepted has to be answered.
      while (status === undefined && server.exitCode === null)
        status = await fetch(instance.url!).then(
          (response) => response.status,
          (error: { readonly code?: string }) => (error.code === 'ConnectionRefused' ? undefined : 0),
        )
    })()
    await until('the request waits', async () => {
      const admin = new AdminClient({ socket: join(instance.runDir, 'admin.sock') })
      const { pools } = await admin.status().catch(() => ({ pools: [] }))
      return pools[0]?.queued === 1
    })
    await end(server, sandbox)
    const { code, stderr } = await server.finished()
    await asking
    expect([status, code]).toEqual([503, exitCode])
    expect(stderr).not.toContain('killed')
    await expectNothingLeft(sandbox)
  },
  TEST_TIMEOUT_MS,
)

test.concurrent(
  'when the manager is killed, balancer and workers leave, and a new start works',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.demo()
    const killed = await sandbox.start('dev', app, 'w:2', '0')
    killed.kill('SIGKILL')
    // A dying process loses its environment, by which it is found below, before its files and its lock.
    await killed.finished()
    await until('every process has left', async () => (await sandbox.processes()).length === 0)
    const next = await sandbox.start('dev', app, 'w:2', '0')
    expect(await next.json('/api/whoami')).toMatchObject({ served: 1 })
    next.kill('SIGTERM')
    expect((await next.finished()).code).toBe(0)
    await expectNothingLeft(sandbox)
  },
  TEST_TIMEOUT_MS,
)
