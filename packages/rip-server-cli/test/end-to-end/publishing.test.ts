import { describe, expect, test } from 'bun:test'
import { chmodSync, statSync } from 'node:fs'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findInstances } from '@rip/manager'
import { TopicClients } from '@rip/testing'
import { placeBun, Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 90_000
const CLIENTS = 12
const WORKER_PACKAGE = fileURLToPath(new URL('../../../rip-worker', import.meta.url))
const TOPIC_APP = fileURLToPath(new URL('../../../../testing/app/topics.ts', import.meta.url))
const PAGE = await Bun.file(new URL('../../../../docs/several-processes.md', import.meta.url)).text()
const RELOADS = 4
/** Longer than a worker that starts waits for the others: they meet all the same. */
const SLOW = 'Bun.sleepSync(500)\n'
/** Mebibytes, more than is kept for one worker. */
const LARGE_COUNT = 24
/** A user without an entry on this machine. */
const UID = 54_321

/** In Bun's style: WebSockets, event streams, and requests that publish. */
const APP = `
const headers = { 'content-type': 'text/event-stream' }
export default {
  fetch(request, server) {
    const { pathname, searchParams } = new URL(request.url)
    const { workerId, generation } = server
    if (pathname === '/ws') return server.upgrade(request, { data: { workerId } }) ? undefined : new Response('', { status: 400 })
    if (pathname === '/events') return new Response(events(server), { headers })
    if (pathname !== '/publish') return Response.json({ workerId, generation, pid: process.pid })
    const count = Number(searchParams.get('count') ?? 1)
    const name = searchParams.get('name')
    let sent
    for (let n = 0; n < count; n++) sent = server.publish('news', name + ' ' + n)
    return Response.json({ sent, workerId, pid: process.pid })
  },
  websocket: {
    open: (socket) => socket.subscribe('news'),
    message: (socket, text) => void socket.publish('news', text),
    close: (socket, code) => code === 4000 && socket.publish('news', 'one has left'),
  },
}
function events(server) {
  return new ReadableStream({
    start(stream) {
      stream.enqueue(': open\\n\\n')
      server.subscribe('news', (text) => stream.enqueue('data: ' + text + '\\n\\n'), { signal: server.signal })
    },
  })
}
`

async function writeApp(sandbox: Sandbox, code = APP, name = 'index.ts'): Promise<string> {
  const app = join(sandbox.folder, 'app')
  await mkdir(app, { recursive: true })
  await writeFile(join(app, name), code)
  return app
}

/** A client of the application, and what it got. */
class Subscriber implements Disposable {
  readonly received: (string | Uint8Array)[] = []
  readonly socket: WebSocket
  closeCode: number | undefined

  private constructor(url: string) {
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
    this.socket.binaryType = 'arraybuffer'
    this.socket.addEventListener('message', ({ data }) =>
      this.received.push(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer)),
    )
    this.socket.addEventListener('close', ({ code }) => (this.closeCode = code))
  }

  static async at(url: string): Promise<Subscriber> {
    const subscriber = new Subscriber(url)
    await until('it is open or refused', () => subscriber.socket.readyState !== WebSocket.CONNECTING)
    if (subscriber.socket.readyState !== WebSocket.OPEN) throw new Error('refused')
    return subscriber
  }

  static many({ url }: Server, count = CLIENTS): Promise<Subscriber[]> {
    return Promise.all(Array.from({ length: count }, () => Subscriber.at(url)))
  }

  [Symbol.dispose](): void {
    this.socket.close()
  }
}

function disposing(subscribers: readonly Disposable[]): Disposable {
  return { [Symbol.dispose]: () => subscribers.forEach((each) => each[Symbol.dispose]()) }
}

function ownerOf(path: string): number {
  return statSync(path).uid
}

interface Published {
  readonly sent: number
  readonly workerId: number
  readonly pid: number
}

async function publish({ url }: Server, name: string, count = 1): Promise<Published> {
  // A connection of its own, so that each worker has its turn.
  const response = await fetch(`${url}/publish?name=${name}&count=${count}`, { keepalive: false })
  return (await response.json()) as Published
}

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${name} ${n}`)
}

/** The messages of one publisher, in the order they came in. */
function of(name: string, { received }: Pick<Subscriber, 'received'>): unknown[] {
  return received.filter((message) => String(message).startsWith(`${name} `))
}

test(
  'what one worker publishes reaches the WebSockets and event streams of all, in order and once; ws.publish leaves its sender out',
  async () => {
    await using sandbox = await Sandbox.create()
    const server = await sandbox.start(await writeApp(sandbox), 'w:3', '0', '-b', '127.0.0.1')
    const clients = await Subscriber.many(server)
    using _clients = disposing(clients)
    const streams = await Promise.all(Array.from({ length: 6 }, () => openStream(server)))
    using _streams = disposing(streams)
    const publishers = new Set<number>()
    const names = Array.from({ length: 6 }, (_, at) => `p${at}`)
    for (const name of names) publishers.add((await publish(server, name, 50)).workerId)
    expect(publishers.size).toBe(3)
    const last = `${names.at(-1)} 49`
    await until('all have the last', () => clients.every(({ received }) => received.at(-1) === last))
    for (const client of clients)
      for (const name of names) expect(of(name, client)).toEqual(numbered(name, 50))
    await until('the streams have it', () =>
      streams.every(({ text }) => text().includes(`data: ${last}\n\n`)),
    )
    for (const { text } of streams)
      expect([...(text().match(/data: p2 \d+/g) ?? [])]).toEqual(
        numbered('p2', 50).map((each) => `data: ${each}`),
      )

    const [first, ...others] = clients
    first!.socket.send('by the first')
    first!.socket.send(Uint8Array.of(0, 255))
    await until('the others have it', () =>
      others.every(({ received }) => received.at(-1) instanceof Uint8Array),
    )
    for (const { received } of others)
      expect(received.slice(-2)).toEqual(['by the first', Uint8Array.of(0, 255)])
    expect(first!.received.at(-1)).toBe(last)
    first!.socket.close(4000)
    await until('it was said', () => others.every(({ received }) => received.at(-1) === 'one has left'))

    await until('the figures are there', async () => {
      const { workers } = await sandbox.snapshot(server)
      const sum = (figure: 'published' | 'delivered' | 'dropped'): number =>
        workers.reduce((total, worker) => total + worker[figure], 0)
      return sum('published') === 303 && sum('delivered') === 606 && sum('dropped') === 0
    })
    const [{ control } = { control: '' }] = findInstances(sandbox.env())
    const metrics = await (await fetch('http://server/metrics', { unix: control })).text()
    const counts = [
      ...metrics.matchAll(
        /^rip_worker_messages_published_total\{worker="w\d\.1",generation="\w+"\} (\d+)$/gm,
      ),
    ]
    expect(counts.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(303)
    expect((await sandbox.run('status')).stdout).toMatch(
      /^messages +303 published, 606 delivered to other processes, 0 dropped$/m,
    )
  },
  TEST_TIMEOUT_MS,
)

interface Stream extends Disposable {
  readonly text: () => string
}

async function openStream({ url }: Server): Promise<Stream> {
  const leave = new AbortController()
  const response = await fetch(`${url}/events`, { signal: leave.signal, keepalive: false })
  let text = ''
  const reading = async (): Promise<void> => {
    for await (const chunk of response.body!) text += new TextDecoder().decode(chunk as Uint8Array)
  }
  void reading().catch(() => {})
  await until('it is open', () => text !== '')
  return { text: () => text, [Symbol.dispose]: () => leave.abort() }
}

test(
  'reloads, a restart of the workers and a new manager lose no message, but to clients that are told to connect again',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await topicApp(sandbox)
    const server = await sandbox.start(app, 'w:2', '0', '-b', '127.0.0.1', '--rollback-window', '1s')
    using clients = new TopicClients({ url: server.url, clients: CLIENTS })
    await clients.connect()
    const publishing = publishUntilStopped(clients)
    for (let n = 0; n < RELOADS; n++) {
      await writeFile(join(app, 'version.ts'), `export const version = ${n}\n${SLOW}`)
      expect((await sandbox.run('reload', '--wait')).code).toBe(0)
    }
    expect((await sandbox.run('restart')).code).toBe(0)
    expect((await sandbox.run('restart', '--manager')).code).toBe(0)
    await until('the one before has ended', () => server.exitCode !== null)
    await publishing.stop()
    await clients.settle()
    const report = clients.report()
    expect(report).toMatchObject({ lost: 0, disordered: 0, failures: [] })
    expect(report.reconnects).toBeGreaterThanOrEqual(CLIENTS)
    expect(report.received).toBeGreaterThan(report.published)
  },
  TEST_TIMEOUT_MS,
)

async function topicApp(sandbox: Sandbox): Promise<string> {
  const app = await writeApp(sandbox, await Bun.file(TOPIC_APP).text())
  await writeFile(join(app, 'version.ts'), '')
  await writeFile(join(app, 'index.ts'), `import './version.ts'\n${await Bun.file(TOPIC_APP).text()}`)
  return app
}

function publishUntilStopped(clients: TopicClients): { stop(): Promise<void> } {
  let stopped = false
  const run = async (): Promise<void> => {
    while (!stopped) await clients.publish()
  }
  const running = Promise.all([run(), run()])
  return {
    async stop() {
      stopped = true
      await running
    },
  }
}

test(
  'a worker that is stopped, and one that is killed, cost their own subscribers only; what is dropped is told',
  async () => {
    await using sandbox = await Sandbox.create()
    const server = await sandbox.start(await writeApp(sandbox, LARGE_APP), 'w:3', '0', '-b', '127.0.0.1')
    const clients = await Subscriber.many(server)
    using _clients = disposing(clients)
    await until('all know where they are', () => clients.every(({ received }) => received.length === 1))
    const [stopped, killed] = (await sandbox.snapshot(server)).workers
    process.kill(stopped!.pid, 'SIGSTOP')
    const others = clients.filter(({ received }) => received[0] !== String(stopped!.pid))
    const publishers = clients.filter(({ received }) => received[0] === String(killed!.pid))
    expect(Math.min(others.length, publishers.length)).toBeGreaterThan(0)
    for (let n = 0; n < LARGE_COUNT; n++) {
      publishers[0]!.socket.send(`large ${n}`)
      await until('the others have it', () => others.every(({ received }) => received.length > n + 1))
    }
    await until('it is told', () => server.stderr.includes('messages to it are dropped from now on'))
    process.kill(stopped!.pid, 'SIGCONT')
    await until('the number is told', () =>
      /reads again: \d+ messages to it were dropped/.test(server.stderr),
    )
    expect(server.stderr.match(/does not read what is published/g)).toHaveLength(1)

    process.kill(killed!.pid, 'SIGKILL')
    const left = clients.filter(({ received }) => received[0] !== String(killed!.pid))
    left[0]!.socket.send('large last')
    await until('those who are left have it', () =>
      left.every(({ received }) => String(received.at(-1)).startsWith('large last')),
    )
  },
  TEST_TIMEOUT_MS,
)

/** Says where it is, and publishes a mebibyte for each message, whose sender gets it, too. */
const LARGE_APP = `
const filling = 'x'.repeat(1_048_576)
export default {
  fetch: (request, server) => (server.upgrade(request, { data: {} }) ? undefined : new Response('ok')),
  websocket: {
    publishToSelf: true,
    backpressureLimit: 64 * 1_048_576,
    open(socket) {
      socket.subscribe('news')
      socket.send(String(process.pid))
    },
    message: (socket, text) => void socket.publish('news', text + ' ' + filling),
  },
}
`

test(
  'modules that know no request publish and subscribe by an import, in Rip, and in development as well',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await writeApp(sandbox, RIP_APP, 'index.rip')
    await linkPackage(app)
    const server = await sandbox.start('dev', app, 'w:2', '0', '-b', '127.0.0.1')
    await until('both workers have heard it', async () => {
      await fetch(`${server.url}/publish`, { keepalive: false })
      const answers = new Map<string, number>()
      for (let n = 0; n < 8; n++) {
        const [pid, count] = (await (await fetch(server.url, { keepalive: false })).text()).split(' ')
        answers.set(pid!, Number(count))
      }
      const counts = [...answers.values()]
      return counts.length === 2 && counts.every((count) => count > 0 && count === counts[0])
    })
  },
  TEST_TIMEOUT_MS,
)

const RIP_APP = `
import { publish, subscribe } from '@rip/worker/bus'

heard = 0
subscribe 'news', (message) -> heard += 1

export default (request) ->
  return new Response "#{process.pid} #{heard}" unless request.url.endsWith '/publish'
  publish 'news', 'x'
  new Response 'published'
`

describe('the examples of docs/several-processes.md', () => {
  test(
    'a chat reaches the clients of both workers',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await startExample(sandbox, 'chat.ts')
      const [first, ...others] = await Subscriber.many(server)
      using _clients = disposing([first!, ...others])
      first!.socket.send('hello')
      await until('all have it', () => others.every(({ received }) => received[0] === 'hello'))
      expect(first!.received).toEqual([])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'event streams of both workers tell the news',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await startExample(sandbox, 'events.ts')
      const streams = await Promise.all(Array.from({ length: 6 }, () => openStream(server)))
      using _streams = disposing(streams)
      await fetch(server.url, { method: 'POST' })
      const news = ': hello\n\ndata: something has happened\n\n'
      await until('all tell them', () => streams.every(({ text }) => text() === news))
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'both workers know a price that one was told',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await startExample(sandbox, 'prices.rip')
      const ask = async (): Promise<string> => (await fetch(`${server.url}/tea`, { keepalive: false })).text()
      expect([await ask(), await ask()]).toEqual(['unknown\n', 'unknown\n'])
      await fetch(`${server.url}/tea?price=3`, { method: 'POST' })
      await until('both know it', async () => [await ask(), await ask()].every((price) => price === '3\n'))
    },
    TEST_TIMEOUT_MS,
  )
})

async function startExample(sandbox: Sandbox, name: string): Promise<Server> {
  const code = /```\w+\n(.*?)```/s.exec(PAGE.slice(PAGE.indexOf(`<!-- test: ${name} -->`)))?.[1]
  if (code === undefined) throw new Error(`the page has no block marked ${name}`)
  const app = await writeApp(sandbox, code, `index${name.slice(name.indexOf('.'))}`)
  await linkPackage(app)
  return sandbox.start(app, 'w:2', '0', '-b', '127.0.0.1')
}

test(
  'a program of node:http publishes and subscribes by an import',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await writeApp(sandbox, NODE_APP)
    await linkPackage(app)
    const server = await sandbox.start(app, 'w:2', '0', '-b', '127.0.0.1')
    const response = fetch(`${server.url}/next`)
    await until('it is answered', async () => {
      await fetch(`${server.url}/publish`, { keepalive: false })
      return Promise.race([response.then(() => true), Bun.sleep(1).then(() => false)])
    })
    expect(await (await response).text()).toBe('hello from another request')
  },
  TEST_TIMEOUT_MS,
)

const NODE_APP = `
import { createServer } from 'node:http'
import { publish, subscribe } from '@rip/worker/bus'

createServer((request, response) => {
  if (request.url === '/publish') return response.end(String(publish('news', 'hello from another request')))
  const end = subscribe('news', (message) => {
    end()
    response.end(message)
  })
}).listen(3000)
`

/** Makes \`@rip/worker\` a dependency of the application, as installed. */
async function linkPackage(app: string): Promise<void> {
  await mkdir(join(app, 'node_modules/@rip'), { recursive: true })
  await symlink(WORKER_PACKAGE, join(app, 'node_modules/@rip/worker'))
}

test(
  'a background process publishes to the clients of all workers, and is kept at work by what it subscribes to',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await writeApp(sandbox)
    await linkPackage(app)
    await writeFile(join(app, 'jobs.ts'), JOBS)
    const server = await sandbox.start(
      app,
      'w:2',
      '0',
      '-b',
      '127.0.0.1',
      '--background',
      join(app, 'jobs.ts'),
    )
    const clients = await Subscriber.many(server)
    using _clients = disposing(clients)
    for (const n of [1, 2, 3]) {
      await publish(server, `order ${n}`)
      await until('its answer has come', () => clients.every((client) => of('done', client).length === n))
    }
    expect(clients.map((client) => of('done', client))).toEqual(
      clients.map(() => [1, 2, 3].map((n) => `done order ${n} 0`)),
    )
    await until('its figures are there', async () => {
      const { background } = await sandbox.snapshot(server)
      return background[0]!.published === 3 && background[0]!.delivered === 3 && background[0]!.restarts === 0
    })
    await writeFile(join(app, 'jobs.ts'), JOBS.replace('done', 'anew'))
    expect((await sandbox.run('reload', '--wait')).code).toBe(0)
    const after = await Subscriber.many(server)
    using _after = disposing(after)
    await until('the next one answers', async () => {
      await publish(server, 'order 4')
      return after.every((client) => of('anew', client).length > 0)
    })
    expect(after.flatMap((client) => of('done', client))).toEqual([])
  },
  TEST_TIMEOUT_MS,
)

const JOBS = `
import { publish, subscribe } from '@rip/worker/bus'

subscribe('news', (message) => {
  if (message.startsWith('order')) publish('news', 'done ' + message)
})
`

test(
  'a folder that was removed with the sockets in it is found again by all workers',
  async () => {
    await using sandbox = await Sandbox.create()
    const server = await sandbox.start(await writeApp(sandbox), 'w:2', '0', '-b', '127.0.0.1')
    const [{ runDir } = { runDir: '' }] = findInstances(sandbox.env())
    await rm(join(runDir, 'bus'), { recursive: true })
    const [worker] = (await sandbox.snapshot(server)).workers
    process.kill(worker!.pid, 'SIGKILL')
    await until('another has taken its place', async () => {
      const { readyWorkers, workers } = await sandbox.snapshot(server)
      return readyWorkers === 2 && workers.every(({ pid }) => pid !== worker!.pid)
    })
    const clients = await Subscriber.many(server)
    using _clients = disposing(clients)
    await until('all hear all', async () => {
      const before = clients.map(({ received }) => received.length)
      const workers = new Set<number>()
      while (workers.size < 2) workers.add((await publish(server, 'n')).workerId)
      await Bun.sleep(20)
      return clients.every(({ received }, at) => received.length >= before[at]! + 2)
    })
  },
  TEST_TIMEOUT_MS,
)

test(
  'a worker alone, and a server with one worker, publish to their own, as Bun does',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await writeApp(sandbox)
    const alone = sandbox.launch('worker', app, '0')
    alone.url = await until('it listens', () => /^listening (\S+)$/m.exec(alone.stdout)?.[1])
    const server = await sandbox.start(app, 'w:1', '0', '-b', '127.0.0.1')
    for (const one of [alone, server]) {
      expect((await publish(one, 'unheard')).sent).toBe(0)
      const clients = await Subscriber.many(one, 2)
      using _clients = disposing(clients)
      expect((await publish(one, 'n', 3)).sent).toBe('n 2'.length)
      await until('both have it', () => clients.every(({ received }) => received.length === 3))
    }
  },
  TEST_TIMEOUT_MS,
)

describe.skipIf(process.getuid?.() !== 0)('with --user', () => {
  test(
    'workers publish to each other, and a process of the same user that does not know the secret is not listened to',
    async () => {
      await using sandbox = await Sandbox.create()
      chmodSync(sandbox.folder, 0o755)
      await mkdir(join(sandbox.folder, 'bin'))
      await placeBun(join(sandbox.folder, 'bin/bun'))
      sandbox.variables = { PATH: `${join(sandbox.folder, 'bin')}:${process.env['PATH']}` }
      const app = await writeApp(sandbox)
      const server = await sandbox.start(app, 'w:2', '0', '-b', '127.0.0.1', '--user', `${UID}:${UID}`)
      const clients = await Subscriber.many(server)
      using _clients = disposing(clients)
      const workers = new Set<number>()
      while (workers.size < 2) workers.add((await publish(server, 'n', 10)).workerId)
      await until('all have it', () => clients.every((client) => of('n', client).length >= 20))
      const [{ runDir } = { runDir: '' }] = findInstances(sandbox.env())
      expect(ownerOf(join(runDir, 'bus'))).toBe(UID)
      const { pid } = (await sandbox.snapshot(server)).workers[0]!
      const program = join(sandbox.folder, 'stranger.ts')
      await writeFile(program, STRANGER)
      const bun = join(sandbox.folder, 'bin/bun')
      const stranger = Bun.spawn([bun, program, join(runDir, 'bus'), String(pid)], {
        uid: UID,
        gid: UID,
        stdout: 'pipe',
      })
      const output = new Response(stranger.stdout).text()
      await until('it is refused', () => stranger.exitCode !== null)
      expect(await output).toBe('closed after 20 bytes\n')
    },
    TEST_TIMEOUT_MS,
  )
})

/** Greets a worker with a proof that is none, and says what it was told. */
const STRANGER = `
const [folder, pid] = process.argv.slice(2)
let bytes = 0
await Bun.connect({
  unix: folder + '/' + pid + '.sock',
  socket: {
    data(socket, chunk) {
      bytes += chunk.byteLength
      const hello = Buffer.concat([Buffer.alloc(16), Buffer.alloc(32), Buffer.from(String(process.pid))])
      const length = Buffer.alloc(4)
      length.writeUInt32BE(hello.length)
      socket.write(Buffer.concat([length, hello]))
    },
    close() {
      console.log('closed after ' + bytes + ' bytes')
      process.exit(0)
    },
  },
})
`
