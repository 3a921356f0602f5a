import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startLoad } from '../load.ts'
import { Sandbox, type Server, until } from '../server.ts'
import { inFlight } from './in-flight.ts'

// Most of the time is spent waiting for requests that are slow on purpose, so the tests run side by side.
setDefaultTimeout(120_000)

const APP = `
const pause = (ms) => Bun.sleep(ms)
async function* pieces(count) {
  for (let n = 0; n < count; n += 1) {
    yield n + ' '
    await pause(50)
  }
}
export default {
  async fetch(request, server) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/slow') await pause(Number(searchParams.get('ms')))
    if (pathname === '/upload') return new Response(String((await request.text()).length))
    if (pathname === '/stream') return new Response(pieces(40))
    if (pathname === '/socket') return server.upgrade(request) ? undefined : new Response('no', { status: 400 })
    return new Response('done')
  },
  websocket: { message(socket, text) { socket.send(text) } },
}
`

/** Everything that can be under way when a server is stopped, and the outcome of each. */
class UnderWay {
  readonly answers: Promise<readonly string[]>

  constructor(url: string) {
    const ask = (path: string, init: RequestInit = {}): Promise<string> =>
      fetch(url + path, { ...init, headers: { connection: 'close' } }).then(
        async (response) => `${path} ${response.status} ${await response.text()}`,
        (error: Error) => `${path} ${error.message}`,
      )
    this.answers = Promise.all([
      ...Array.from({ length: 6 }, () => ask('/slow?ms=2000')),
      ask('/upload', { method: 'POST', body: slowBody() }),
      ask('/stream'),
    ])
  }

  static readonly expected: readonly string[] = [
    ...Array.from({ length: 6 }, () => '/slow?ms=2000 200 done'),
    '/upload 200 30000',
    `/stream 200 ${Array.from({ length: 40 }, (_, n) => `${n} `).join('')}`,
  ]
}

/** 30000 bytes in a second and a half. */
function slowBody(): ReadableStream<Uint8Array> {
  let left = 30
  return new ReadableStream({
    async pull(controller) {
      if (left === 0) return controller.close()
      left -= 1
      await Bun.sleep(50)
      controller.enqueue(new Uint8Array(1_000))
    },
  })
}

async function startApp(sandbox: Sandbox, ...args: string[]): Promise<Server> {
  await writeFile(join(sandbox.folder, 'index.js'), APP)
  return sandbox.start('start', sandbox.folder, 'w:2', '0', '-b', '127.0.0.1', ...args)
}

/** Signals every process, in any order, as `KillMode=control-group` of systemd or an init at shutdown does. */
async function signalAll(sandbox: Sandbox, signal: NodeJS.Signals): Promise<void> {
  for (const pid of await sandbox.processes()) signalOne(pid, signal)
}

/** Signals a process as kill(1) does for a group: one that has ended meanwhile is no error. */
function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

describe.concurrent('a signal to every process of the server is one stop', () => {
  test.each<[string, NodeJS.Signals, readonly string[]]>([
    ['TERM', 'SIGTERM', []],
    ['INT', 'SIGINT', []],
    ['QUIT', 'SIGQUIT', []],
    ['TERM, with a delay before the stop', 'SIGTERM', ['--stop-delay', '1s']],
    ['TERM, with requests that wait for a place', 'SIGTERM', ['c:2']],
  ])('%s: what is under way is finished', async (_, signal, args) => {
    await using sandbox = await Sandbox.create()
    const server = await startApp(sandbox, ...args)
    const underWay = new UnderWay(server.url)
    await until('requests are under way', async () => (await inFlight(sandbox, server)) >= 3)
    await signalAll(sandbox, signal)
    expect(await underWay.answers).toEqual(UnderWay.expected)
    const { code, stderr } = await server.finished()
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('crashed') })
    await until('no process is left', async () => (await sandbox.processes()).length === 0)
  })

  test('several processes of the balancer', async () => {
    await using sandbox = await Sandbox.create()
    const config = `export default { balancer: { processes: 2 } }`
    await writeFile(join(sandbox.folder, 'rip-server.config.js'), config)
    const server = await startApp(sandbox)
    const underWay = new UnderWay(server.url)
    await until('requests are under way', async () => (await inFlight(sandbox, server)) >= 3)
    await signalAll(sandbox, 'SIGTERM')
    expect(await underWay.answers).toEqual(UnderWay.expected)
    expect((await server.finished()).code).toBe(0)
  })

  test('closes WebSockets with 1012, and answers their messages until then', async () => {
    await using sandbox = await Sandbox.create()
    const server = await startApp(sandbox, '--stop-delay', '1s')
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/socket`)
    const closed = new Promise((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)))
    const echoes: string[] = []
    socket.addEventListener('message', ({ data }) => echoes.push(String(data)))
    await new Promise((resolve) => socket.addEventListener('open', resolve))
    await signalAll(sandbox, 'SIGTERM')
    await server.says('stopping')
    socket.send('still there?')
    await until('it answers', () => echoes.includes('still there?'))
    expect(await closed).toBe(1012)
    expect((await server.finished()).code).toBe(0)
  })

  test('several times, and repeatedly to all but the first process', async () => {
    await using sandbox = await Sandbox.create()
    const server = await startApp(sandbox)
    const underWay = new UnderWay(server.url)
    await until('requests are under way', async () => (await inFlight(sandbox, server)) >= 3)
    await signalAll(sandbox, 'SIGTERM')
    await signalAll(sandbox, 'SIGTERM')
    for (let n = 0; n < 20; n += 1) {
      const others = (await sandbox.processes()).filter((pid) => pid !== server.pid)
      for (const pid of others) signalOne(pid, n % 2 === 0 ? 'SIGTERM' : 'SIGINT')
      await Bun.sleep(50)
    }
    expect(await underWay.answers).toEqual(UnderWay.expected)
    expect((await server.finished()).code).toBe(0)
  })

  test('under load every request that was sent before is answered', async () => {
    await using sandbox = await Sandbox.create()
    const app = `export default async (request) => {
      const body = (await request.text()).length
      await Bun.sleep(300)
      return Response.json({ body })
    }`
    await writeFile(join(sandbox.folder, 'index.js'), app)
    const server = await sandbox.start('start', sandbox.folder, 'w:2', '0', '-b', '127.0.0.1')
    const load = startLoad({ url: server.url, path: '/', perSecond: 200, post: 'x'.repeat(50_000) })
    await until(
      'requests are under way',
      async () => load.sent > 100 && (await inFlight(sandbox, server)) > 10,
    )
    const ended = load.stop()
    await signalAll(sandbox, 'SIGTERM')
    const { failures, answers } = await ended
    expect(failures).toEqual([])
    expect(answers.length).toBe(load.sent)
    expect((await server.finished()).code).toBe(0)
  })

  test.each<[string, string]>([
    ['a handler', `process.on('SIGTERM', () => process.exit(0))\n${APP}`],
    [
      'a server of node:http',
      `import { createServer } from 'node:http'
      const server = createServer((request, response) => setTimeout(() => response.end('done'), 1500)).listen(3000)
      process.on('SIGTERM', () => server.close(() => process.exit(0)))`,
    ],
  ])('%s that ends itself at SIGTERM cuts nothing off', async (_, app) => {
    await using sandbox = await Sandbox.create()
    await writeFile(join(sandbox.folder, 'index.js'), app)
    const server = await sandbox.start('start', sandbox.folder, 'w:2', '0', '-b', '127.0.0.1')
    const ask = async (): Promise<string> => (await fetch(`${server.url}/slow?ms=1500`)).text()
    const answers = Promise.all([ask(), ask(), ask()])
    await until('requests are under way', async () => (await inFlight(sandbox, server)) === 3)
    await signalAll(sandbox, 'SIGTERM')
    expect(await answers).toEqual(['done', 'done', 'done'])
    expect((await server.finished()).code).toBe(0)
    await until('no process is left', async () => (await sandbox.processes()).length === 0)
  })

  test('during a reload: the old code finishes, the new one is given up without a word', async () => {
    await using sandbox = await Sandbox.create()
    const server = await startApp(sandbox)
    const underWay = new UnderWay(server.url)
    await until('requests are under way', async () => (await inFlight(sandbox, server)) >= 3)
    const before = new Set(await sandbox.processes())
    await writeFile(join(sandbox.folder, 'index.js'), 'await Bun.sleep(60_000)')
    server.kill('SIGHUP')
    // A process of the builder, or the candidate.
    await until('a process was started', async () =>
      (await sandbox.processes()).some((pid) => !before.has(pid)),
    )
    await signalAll(sandbox, 'SIGTERM')
    expect(await underWay.answers).toEqual(UnderWay.expected)
    const { code, stderr } = await server.finished()
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/143|crashed|boot-failed|builder/)])
  })

  test('a second one later cuts off the remaining requests, counts them and sets the exit code', async () => {
    await using sandbox = await Sandbox.create()
    const server = await startApp(sandbox)
    const slow = [1, 2, 3].map(() => fetch(`${server.url}/slow?ms=20000`).catch(() => {}))
    await until('requests are under way', async () => (await inFlight(sandbox, server)) === 3)
    await signalAll(sandbox, 'SIGTERM')
    await server.says('stopping')
    // Earlier it would count as the same stop.
    await Bun.sleep(300)
    await signalAll(sandbox, 'SIGTERM')
    const { code, stderr } = await server.finished()
    expect([code, stderr]).toEqual([1, expect.stringContaining('3 requests were cut off')])
    await Promise.all(slow)
  })

  test('requests that take too long are cut off, counted, and set the exit code', async () => {
    await using sandbox = await Sandbox.create()
    const server = await startApp(sandbox, '--drain-timeout', '1s')
    const slow = ['/slow?ms=20000', '/slow?ms=20000'].map((path) => fetch(server.url + path).catch(() => {}))
    await until('requests are under way', async () => (await inFlight(sandbox, server)) === 2)
    await signalAll(sandbox, 'SIGTERM')
    const { code, stderr } = await server.finished()
    expect([code, stderr]).toEqual([1, expect.stringContaining('2 requests were cut off')])
    await Promise.all(slow)
  })

  test('while the first generation is built and booted: it ends with the code of the signal', async () => {
    await using sandbox = await Sandbox.create()
    await writeFile(join(sandbox.folder, 'index.js'), 'await Bun.sleep(60_000)')
    for (const processes of [2, 3]) {
      const server = sandbox.launch('start', sandbox.folder, 'w:1', '0', '-b', '127.0.0.1')
      await until(`${processes} processes run`, async () => (await sandbox.processes()).length >= processes)
      await until('it is there', () => sandbox.snapshot(server).catch(() => undefined))
      await signalAll(sandbox, 'SIGTERM')
      const { code, stderr } = await server.finished()
      expect([code, stderr]).toEqual([143, ''])
      await until('no process is left', async () => (await sandbox.processes()).length === 0)
    }
  })
})

test.concurrent.each(['start', 'dev'])(
  'with %s, signals that reach every process, as from systemctl kill, have the effect of one to the main process',
  async (verb) => {
    await using sandbox = await Sandbox.create()
    await writeFile(join(sandbox.folder, 'index.js'), APP)
    const server = await sandbox.start(verb, sandbox.folder, 'w:2', '0', '-b', '127.0.0.1')
    const underWay = new UnderWay(server.url)
    await until('requests are under way', async () => (await inFlight(sandbox, server)) >= 3)
    await signalAll(sandbox, 'SIGTTIN')
    await until('there is one more', async () => (await sandbox.snapshot(server)).readyWorkers === 3)
    await signalAll(sandbox, 'SIGTTOU')
    await until('there is one less', async () => (await sandbox.snapshot(server)).wantedWorkers === 2)
    await signalAll(sandbox, 'SIGHUP')
    for (const pid of await sandbox.processes()) if (pid !== server.pid) signalOne(pid, 'SIGUSR2')
    const before = (await sandbox.snapshot(server)).workers.map(({ pid }) => pid)
    await signalAll(sandbox, 'SIGUSR1')
    await until('every worker is another', async () => {
      const { workers, readyWorkers } = await sandbox.snapshot(server)
      return (
        readyWorkers === 2 && workers.every(({ pid, state }) => state !== 'ready' || !before.includes(pid))
      )
    })
    expect(await underWay.answers).toEqual(UnderWay.expected)
    expect((await fetch(server.url)).status).toBe(200)
    server.kill('SIGTERM')
    const { code, stderr } = await server.finished()
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/crashed|killed/)])
  },
)

test.concurrent.each(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)(
  '%s to the balancer alone or to all workers alone costs no request',
  async (signal) => {
    await using sandbox = await Sandbox.create()
    const server = await startApp(sandbox)
    const underWay = new UnderWay(server.url)
    await until('requests are under way', async () => (await inFlight(sandbox, server)) >= 3)
    for (const pid of await sandbox.processes()) if (pid !== server.pid) signalOne(pid, signal)
    const later = await Promise.all(Array.from({ length: 50 }, () => fetch(server.url)))
    expect(later.filter(({ status }) => status !== 200)).toEqual([])
    expect(await underWay.answers).toEqual(UnderWay.expected)
    server.kill('SIGTERM')
    expect((await server.finished()).code).toBe(0)
  },
)

test.concurrent('signals for a server that arrive while it starts do not end it', async () => {
  await using sandbox = await Sandbox.create()
  const marker = join(sandbox.folder, 'evaluated')
  await writeFile(join(sandbox.folder, 'index.ts'), `export default () => new Response('up')`)
  await writeFile(
    join(sandbox.folder, 'rip-server.config.ts'),
    `import { existsSync, writeFileSync } from 'node:fs'
      writeFileSync(${JSON.stringify(marker)}, '')
      while (!existsSync(${JSON.stringify(`${marker}-on`)})) await Bun.sleep(5)
      export default { workers: 1 }`,
  )
  const server = sandbox.launch('start', '--port', '0')
  await until('the configuration is evaluated', () => existsSync(marker))
  for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGHUP'] as const) process.kill(server.pid, signal)
  await writeFile(`${marker}-on`, '')
  await server.ready()
  expect(await (await fetch(server.url)).text()).toBe('up')
  server.kill('SIGTERM')
  expect((await server.finished()).code).toBe(0)
})
