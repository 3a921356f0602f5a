import { describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '@rip/testing'
import { Folder, RawConnection, Supervised } from './helpers.ts'

const APPS = join(import.meta.dir, 'fixtures', 'apps')

/** Names of the application shapes; the applications are run unchanged. */
const shapes = readdirSync(APPS).filter((name) => !name.startsWith('answer.'))

const withWebSockets = [
  'bun-style.ts',
  'hono.ts',
  'elysia-ws.ts',
  'listens-bun.ts',
  'listens-elysia.ts',
  'listens-node.cjs',
  'listens-express-ws.cjs',
  'exports-express-ws.cjs',
]

function serve(app: string): Supervised {
  return new Supervised(new Folder(), { args: [join(APPS, app)] })
}

describe.each(shapes)('%s', (app) => {
  test('answers, echoes, streams, survives its own failure, and drains', async () => {
    await using supervised = serve(app)
    await supervised.received('ready')

    expect(await (await supervised.fetch('/hello?name=you')).text()).toBe('hello you')
    expect((await supervised.fetch('/nowhere')).status).toBe(404)

    const body = crypto.getRandomValues(new Uint8Array(16_256))
    const headers = { 'content-type': 'application/octet-stream' }
    const echoed = await supervised.fetch('/echo', { method: 'POST', body, headers })
    expect(Buffer.from(await echoed.bytes()).equals(body)).toBe(true)

    expect(await (await supervised.fetch('/stream')).text()).toBe('part 1\npart 2\npart 3\n')

    expect((await supervised.fetch('/boom')).status).toBe(500)
    expect((await supervised.fetch('/hello?name=again')).status).toBe(200)

    const slow = supervised.fetch('/slow')
    await until('it runs', () => supervised.program.stdout.includes('begun'))
    supervised.send({ type: 'drain', deadlineMs: 5000 })
    expect(await (await slow).text()).toBe('slow')
    expect(await supervised.received('drained')).toEqual({ type: 'drained', abandoned: 0 })
    expect(await supervised.program.exitCode()).toBe(0)
  })
})

test.each(withWebSockets)('%s: WebSockets answer, and get 1012 at a drain', async (app) => {
  await using supervised = serve(app)
  await supervised.received('ready')
  const client = new WebSocket(`ws+unix://${supervised.socket}:/ws`)
  const closed = new Promise((resolve) => client.addEventListener('close', ({ code }) => resolve(code)))
  const answer = new Promise((resolve) => client.addEventListener('message', ({ data }) => resolve(data)))
  await new Promise((resolve) => client.addEventListener('open', resolve))
  client.send('hi')
  expect(await answer).toBe('echo hi')
  supervised.send({ type: 'drain', deadlineMs: 5000 })
  expect(await closed).toBe(1012)
  expect(await supervised.program.exitCode()).toBe(0)
})

test.each(withWebSockets)(
  '%s: WebSockets get 1012 when streams are to end, and requests are served',
  async (app) => {
    await using supervised = serve(app)
    await supervised.received('ready')
    const client = new WebSocket(`ws+unix://${supervised.socket}:/ws`)
    const closed = new Promise((resolve) => client.addEventListener('close', ({ code }) => resolve(code)))
    await new Promise((resolve) => client.addEventListener('open', resolve))
    supervised.send({ type: 'end-streams' })
    expect(await closed).toBe(1012)
    expect(await (await supervised.fetch('/hello?name=you')).text()).toBe('hello you')
  },
)

test('a client that leaves a node:http application early is no longer counted', async () => {
  await using supervised = serve('express.ts')
  await supervised.received('ready')
  using connection = await RawConnection.to(supervised.socket)
  connection.get('/slow')
  await until('it runs', () => supervised.message('beacon')?.inFlight === 1)
  connection[Symbol.dispose]()
  await until('it is gone', () => supervised.message('beacon')?.inFlight === 0)
})

test('Bun-style routes: parameters, methods, static responses, own error page', async () => {
  await using supervised = serve('bun-style.ts')
  await supervised.received('ready')
  expect(await (await supervised.fetch('/users/7')).text()).toBe('user 7')
  expect(await (await supervised.fetch('/static')).text()).toBe('static')
  expect(await (await supervised.fetch('/boom')).text()).toBe('own page: boom')
})
