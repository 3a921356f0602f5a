import { describe, expect, test } from 'bun:test'
import { chmodSync, statSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findInstances } from '@rip/manager'
import { TopicClients } from '@rip/testing'
import { placeBun, Sandbox, until } from '../server.ts'
import { CLIENTS, disposing, numbered, of, openStream, publish, Subscriber, writeApp } from './subscriber.ts'

const TEST_TIMEOUT_MS = 90_000
const TOPIC_APP = fileURLToPath(new URL('../../../../testing/app/topics.ts', import.meta.url))
const RELOADS = 4
/** Longer than a worker that starts waits for the others: they meet all the same. */
const SLOW = 'Bun.sleepSync(500)\n'
/** Mebibytes, more than is kept for one worker. */
const LARGE_COUNT = 24
/** A user without an entry on this machine. */
const UID = 54_321

function ownerOf(path: string): number {
  return statSync(path).uid
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
    const count = names.length * 50
    await until('all have them', () => clients.every(({ received }) => received.length >= count))
    for (const client of clients)
      for (const name of names) expect(of(name, client)).toEqual(numbered(name, 50))
    await until('the streams have them', () =>
      streams.every(({ text }) => text().match(/^data: .+\n\n/gm)?.length === count),
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
    expect(first!.received).toHaveLength(count)
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
