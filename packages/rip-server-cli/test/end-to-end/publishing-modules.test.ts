import { describe, expect, test } from 'bun:test'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Sandbox, type Server, until } from '../server.ts'
import { disposing, of, openStream, publish, Subscriber, writeApp } from './subscriber.ts'

const TEST_TIMEOUT_MS = 90_000
const WORKER_PACKAGE = fileURLToPath(new URL('../../../rip-worker', import.meta.url))
const PAGE = await Bun.file(new URL('../../../../docs/several-processes.md', import.meta.url)).text()

const RIP_APP = `
import { publish, subscribe } from '@rip/worker/bus'

heard = 0
subscribe 'news', (message) -> heard += 1

export default (request) ->
  return new Response "#{process.pid} #{heard}" unless request.url.endsWith '/publish'
  publish 'news', 'x'
  new Response 'published'
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
