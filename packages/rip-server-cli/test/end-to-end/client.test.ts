import { describe, expect, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000

async function application(sandbox: Sandbox, code: string, config: string): Promise<string> {
  const folder = join(sandbox.folder, 'app')
  await mkdir(folder)
  await writeFile(join(folder, 'index.ts'), code)
  await writeFile(join(folder, 'rip-server.config.ts'), `export default { workers: 1, ${config} }`)
  return folder
}

const TRUSTING = `balancer: { forwarding: { trust: ['127.0.0.1', '::1'] } }`
const WHO = `export default (request, context) => {
  const { address, port } = context.requestIP(request)
  return Response.json([context.client.address, address, port, new URL(request.url).protocol, context.port])
}`
const WHO_LISTENS = `export const listener = ({ socket, headers }, response) => {
  const { remoteAddress, remotePort, remoteFamily, encrypted } = socket
  response.end(JSON.stringify([remoteAddress, remotePort, remoteFamily, encrypted, headers['x-forwarded-for']]))
}`

async function answerTo({ url }: Server, headers: Record<string, string>): Promise<unknown> {
  return (await fetch(url, { headers, keepalive: false })).json()
}

describe('the client', () => {
  test(
    'is the same for the application and the access log, and cannot choose its own address',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await sandbox.start(
        await application(sandbox, WHO, TRUSTING),
        '0',
        '--access-log',
        'json',
      )
      const headers = {
        'x-forwarded-for': '6.6.6.6, 203.0.113.9:4711',
        'x-forwarded-proto': 'https',
        'x-real-ip': '7.7.7.7',
        'x-real-port': '7',
      }
      expect(await answerTo(server, headers)).toEqual([
        '203.0.113.9',
        '203.0.113.9',
        4711,
        'https:',
        expect.any(Number),
      ])
      await until('the line is there', () => server.stdout.includes('"client":"203.0.113.9"'))
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'may use underscores in names of fields, but not to forge its address',
    async () => {
      await using sandbox = await Sandbox.create()
      const fields = `export default ({ headers }) => Response.json(
        ['api_key', 'x_real_ip', 'x_forwarded_for'].map((name) => headers.get(name)),
      )`
      const server = await sandbox.start(await application(sandbox, fields, ''), '0')
      const headers = { api_key: 'secret', x_real_ip: '6.6.6.6', X_Forwarded_For: '6.6.6.6' }
      expect(await answerTo(server, headers)).toEqual(['secret', null, null])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'of an untrusted peer is that peer, whatever it sends',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await sandbox.start(await application(sandbox, WHO, ''), '0')
      const headers = { 'x-forwarded-for': '6.6.6.6', 'x-real-ip': '6.6.6.6', 'x-forwarded-proto': 'https' }
      const [client, address, port, scheme, at] = (await answerTo(server, headers)) as unknown[]
      expect(['127.0.0.1', '::1']).toContain(client as string)
      expect(address).toBe(client)
      expect(port).toBeGreaterThan(0)
      expect([scheme, at]).toEqual(['http:', Number(new URL(server.url).port)])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is the peer of the socket in a node:http application',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await sandbox.start(await application(sandbox, WHO_LISTENS, TRUSTING), '0')
      const headers = { 'x-forwarded-for': '6.6.6.6, [2001:db8::2]:99', 'x-forwarded-proto': 'http,https' }
      expect(await answerTo(server, headers)).toEqual(['2001:db8::2', 99, 'IPv6', true, '2001:db8::2'])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'that ends its side before the answer aborts the request, and gets an answer if there is one',
    async () => {
      await using sandbox = await Sandbox.create()
      const code = `export default async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        return new Response('told')
      }`
      const server = await sandbox.start(await application(sandbox, code, ''), '0')
      const socket = connect({
        port: Number(new URL(server.url).port),
        host: '127.0.0.1',
        allowHalfOpen: true,
      })
      let received = ''
      socket.on('data', (chunk) => (received += chunk.toString()))
      socket.end('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
      await until('it is answered', () => received.endsWith('\r\n\r\ntold'))
      socket.destroy()
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'may send heads up to the limit, to both kinds of applications',
    async () => {
      const fetches = `export default ({ headers }) => new Response(String(headers.get('cookie').length))`
      const listens = `export const listener = ({ headers }, response) => response.end(String(headers.cookie.length))`
      for (const code of [fetches, listens]) {
        await using sandbox = await Sandbox.create()
        const limits = `balancer: { limits: { head: '128KiB' } }`
        const server = await sandbox.start(await application(sandbox, code, limits), '0')
        const asked = async (length: number): Promise<string> => {
          const response = await fetch(server.url, { headers: { cookie: 'c'.repeat(length) } })
          return response.ok ? response.text() : String(response.status)
        }
        expect([await asked(20_000), await asked(120_000), await asked(140_000)]).toEqual([
          '20000',
          '120000',
          '431',
        ])
      }
    },
    TEST_TIMEOUT_MS,
  )
})
