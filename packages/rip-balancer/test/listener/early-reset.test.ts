import { expect, test } from 'bun:test'
import { balance } from '../../src/index.ts'

/** Sends a request and resets the connection. */
const SCRIPT = `
  const client = require('node:net').connect(Number(process.argv[1]), '127.0.0.1', () => {
    client.write('GET /early HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n', () => client.resetAndDestroy())
  })`

test('a connection that was reset before it was accepted is closed: nobody knows whose it was', async () => {
  const asked: string[] = []
  const clients: string[] = []
  const backend = Bun.serve({
    port: 0,
    fetch: (request) => {
      asked.push(new URL(request.url).pathname)
      return new Response('ok')
    },
  })
  const lb = await balance(
    { listen: '127.0.0.1:0', to: `127.0.0.1:${backend.port}` },
    { onEnd: ({ clientAddress }) => void clients.push(clientAddress) },
  )
  // This process accepts nothing meanwhile.
  const { exitCode } = Bun.spawnSync([process.execPath, '-e', SCRIPT, String(new URL(lb.url).port)])
  expect(exitCode).toBe(0)
  await (await fetch(`${lb.url}/usual`)).text()
  await lb.close()
  expect(asked).toEqual(['/usual'])
  expect(clients).toEqual(['127.0.0.1'])
  await backend.stop(true)
})
