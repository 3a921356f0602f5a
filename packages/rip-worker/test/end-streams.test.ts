import { describe, expect, test } from 'bun:test'
import { until } from '@rip/testing'
import { Folder, RawConnection, Supervised } from './helpers.ts'

const FETCH = `
async function* beats() {
  for (let beat = 0; ; beat++) {
    yield 'data: ' + beat + '\\n\\n'
    await Bun.sleep(5)
  }
}
const events = { headers: { 'content-type': 'text/event-stream' } }
export default (request) =>
  request.url.endsWith('/events') ? new Response(beats(), events) : new Response('hello')
`

/** Goes on writing even after its response has ended. */
const NODE = `
import { createServer } from 'node:http'
createServer((request, response) => {
  if (!request.url.endsWith('/events')) return response.end('hello')
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let beat = 0
  setInterval(() => response.write('data: ' + beat++ + '\\n\\n'), 5)
}).listen(3000)
`

async function ask(supervised: Supervised, method: string): Promise<RawConnection> {
  const connection = await RawConnection.to(supervised.socket)
  connection.write(`${method} /events HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n`)
  return connection
}

const LAST_CHUNK = '0\r\n\r\n'

/** Written in parts, as Express applications do. */
const NODE_BY_PARTS = NODE.replace(
  "response.writeHead(200, { 'content-type': 'text/event-stream' })",
  "response.setHeader('Content-Type', 'text/event-stream'); response.flushHeaders()",
)

describe.each([
  ['fetch', FETCH],
  ['node:http', NODE],
  ['node:http, with its head in parts', NODE_BY_PARTS],
])('an application of %s that is told to end its streams', (_, source) => {
  test('ends subscriptions, and goes on serving', async () => {
    await using supervised = new Supervised(new Folder({ 'app.mjs': source }))
    await supervised.received('ready')
    using subscription = await ask(supervised, 'GET')
    using answer = await ask(supervised, 'POST')
    const streams = [subscription, answer]
    await until('events arrive', () => streams.every(({ received }) => received.includes('data: 2')))
    supervised.send({ type: 'end-streams' })
    await until('the subscription ends', () => subscription.received.endsWith(LAST_CHUNK))
    const sofar = answer.received.length
    await until('the answer goes on', () => answer.received.length > sofar + 100)
    expect(answer.received).not.toEndWith(LAST_CHUNK)
    expect(await (await supervised.fetch('/')).text()).toBe('hello')
    expect(supervised.program.stderr).toBe('')
  })
})

test('a subscription that begins later ends at once', async () => {
  await using supervised = new Supervised(new Folder({ 'app.mjs': FETCH }))
  await supervised.received('ready')
  supervised.send({ type: 'end-streams' })
  using subscription = await ask(supervised, 'GET')
  await until('it ends', () => subscription.received.endsWith(LAST_CHUNK))
  expect(subscription.received).toStartWith('HTTP/1.1 200')
})
