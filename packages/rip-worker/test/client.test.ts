import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { NodeListener } from '../src/application/application.ts'
import type { RequestContext, TrustForwarded } from '../src/index.ts'
import { Folder, LocalWorker, Program, Supervised, fetchUnix } from './helpers.ts'

/** Fields as a client behind a proxy can send them, and as the balancer in front passes them on. */
const FIELDS = {
  'x-forwarded-for': '203.0.113.9, 10.0.0.1',
  'x-real-ip': '203.0.113.9',
  'x-real-port': '4711',
  'x-forwarded-proto': 'https',
}

const whoFetches = (request: Request, context: RequestContext): Response =>
  Response.json({
    ip: context.requestIP(request),
    client: context.client,
    scheme: new URL(request.url).protocol,
  })

const whoListens: NodeListener = ({ socket, headers }, response) => {
  const { remoteAddress, remotePort, remoteFamily } = socket
  const encrypted = 'encrypted' in socket && socket.encrypted
  const forwardedFor = headers['x-forwarded-for']
  response.end(JSON.stringify({ remoteAddress, remotePort, remoteFamily, encrypted, forwardedFor }))
}

describe('the client, for handlers that fetch', () => {
  async function seen(trustForwarded: TrustForwarded, headers: Record<string, string>): Promise<unknown> {
    await using local = await LocalWorker.serve({ trustForwarded, fetch: whoFetches as () => Response })
    return (await local.fetch('/', { headers })).json()
  }

  test('is the one that the balancer decided on', async () => {
    expect(await seen('balancer', FIELDS)).toEqual({
      ip: { address: '203.0.113.9', family: 'IPv4', port: 4711 },
      client: { address: '203.0.113.9', protocol: 'https' },
      scheme: 'https:',
    })
  })

  test('is unknown when the balancer says so, whatever other fields were sent', async () => {
    const headers = { 'x-forwarded-for': '6.6.6.6', forwarded: 'for=6.6.6.6' }
    expect(await seen('balancer', headers)).toMatchObject({ ip: null, client: { protocol: 'http' } })
  })

  test('is the one that another proxy appended last', async () => {
    expect(await seen(true, FIELDS)).toMatchObject({ ip: { address: '10.0.0.1', family: 'IPv4', port: 0 } })
  })

  test.each([
    ['9.9.9.9:5123', { address: '9.9.9.9', family: 'IPv4', port: 5123 }],
    ['[2001:db8::2]:99', { address: '2001:db8::2', family: 'IPv6', port: 99 }],
    ['2001:db8::2', { address: '2001:db8::2', family: 'IPv6', port: 0 }],
    ['unknown', null],
    ['6.6.6.6, _hidden', null],
  ] as const)('behind a proxy that appends %j is found', async (text, ip) => {
    expect(await seen(true, { 'x-forwarded-for': text })).toMatchObject({ ip })
  })

  test('behind a proxy that sends only X-Real-IP is found', async () => {
    expect(await seen(true, { 'x-real-ip': '192.0.2.1' })).toMatchObject({ ip: { address: '192.0.2.1' } })
  })

  test('has the scheme that the nearest proxy sent', async () => {
    expect(await seen(true, { 'x-forwarded-proto': 'https, http' })).toMatchObject({ scheme: 'http:' })
    expect(await seen(true, { 'x-forwarded-proto': 'HTTPS' })).toMatchObject({ scheme: 'https:' })
  })

  test('is unknown on a socket without a proxy', async () => {
    expect(await seen(false, FIELDS)).toMatchObject({ ip: null, scheme: 'http:' })
  })

  test('belongs to the request that is passed', async () => {
    const other = new Request('http://app.test/', { headers: { 'x-real-ip': '192.0.2.7' } })
    await using local = await LocalWorker.serve({
      trustForwarded: 'balancer',
      fetch: (_, { requestIP }) => Response.json(requestIP(other)),
    })
    expect(await (await local.fetch('/', { headers: FIELDS })).json()).toMatchObject({ address: '192.0.2.7' })
  })
})

describe('the client, for listeners of node:http', () => {
  async function seen(trustForwarded: TrustForwarded, headers: Record<string, string>): Promise<unknown> {
    await using local = await LocalWorker.serve({ trustForwarded, listener: whoListens })
    // The first request on a connection must have no effect on the second.
    await local.fetch('/', { headers: { 'x-real-ip': '192.0.2.99', 'x-forwarded-proto': 'https' } })
    return (await local.fetch('/', { headers })).json()
  }

  test('is the peer of the socket, and the only entry of X-Forwarded-For', async () => {
    expect(await seen('balancer', FIELDS)).toEqual({
      remoteAddress: '203.0.113.9',
      remotePort: 4711,
      remoteFamily: 'IPv4',
      encrypted: true,
      forwardedFor: '203.0.113.9',
    })
  })

  test('behind another proxy is the one it appended last', async () => {
    expect(await seen(true, { 'x-forwarded-for': '6.6.6.6, 2001:db8::2' })).toEqual({
      remoteAddress: '2001:db8::2',
      remotePort: 0,
      remoteFamily: 'IPv6',
      encrypted: false,
      forwardedFor: '6.6.6.6, 2001:db8::2',
    })
  })

  test('is unknown when no field names one', async () => {
    expect(await seen('balancer', {})).toEqual({ encrypted: false })
    expect(await seen(false, FIELDS)).toMatchObject({
      encrypted: false,
      forwardedFor: '203.0.113.9, 10.0.0.1',
    })
  })
})

test('a WebSocket has the address of its client and the data it was given', async () => {
  await using local = await LocalWorker.serve({
    trustForwarded: 'balancer',
    fetch: ((request: Request, context: RequestContext) =>
      context.upgrade(request, { data: { room: 7 } }) ? undefined : new Response()) as () => Response,
    websocket: {
      open(socket: { data: unknown; remoteAddress: string; send(text: string): void }) {
        socket.send(JSON.stringify([socket.remoteAddress, socket.data]))
      },
    },
  })
  const options = { headers: FIELDS } as unknown as string[]
  const client = new WebSocket(`ws+unix://${local.socket}:/`, options)
  const message = await new Promise((resolve) =>
    client.addEventListener('message', ({ data }) => resolve(data)),
  )
  expect(message).toBe('["203.0.113.9",{"room":7}]')
  client.close()
})

test('the context answers like a Bun server about the client', async () => {
  await using local = await LocalWorker.serve({
    trustForwarded: 'balancer',
    mode: 'development',
    fetch: (
      _,
      { url, hostname, port, protocol, development, pendingRequests, pendingWebSockets, subscriberCount },
    ) =>
      Response.json({
        url,
        hostname,
        port,
        protocol,
        development,
        pendingRequests,
        pendingWebSockets,
        subscribers: subscriberCount('topic'),
      }),
  })
  const common = { development: true, pendingRequests: 1, pendingWebSockets: 0, subscribers: 0 }
  const https = { host: 'shop.example', 'x-forwarded-proto': 'https' }
  expect(await (await local.fetch('/a?b', { headers: https })).json()).toEqual({
    ...common,
    url: 'https://shop.example/',
    hostname: 'shop.example',
    port: 443,
    protocol: 'https',
  })
  expect(await (await local.fetch('/', { headers: { host: '[::1]:3000' } })).json()).toEqual({
    ...common,
    url: 'http://[::1]:3000/',
    hostname: '[::1]',
    port: 3000,
    protocol: 'http',
  })
})

test('an Elysia instance passes the client to its handlers', async () => {
  await using supervised = new Supervised(new Folder(), {
    args: [join(import.meta.dir, 'fixtures', 'clients', 'elysia.ts')],
  })
  await supervised.received('ready')
  expect(await (await supervised.fetch('/', { headers: FIELDS })).json()).toMatchObject({
    address: '203.0.113.9',
  })
})

test('a supervised worker believes the balancer; one that runs alone believes the proxy of its options', async () => {
  const app = `export default (_, { client }) => new Response(client.address ?? 'nobody')`
  const cases: readonly (readonly [args: readonly string[], address: string])[] = [
    [['--trust-forwarded', 'balancer'], '203.0.113.9'],
    [['--trust-forwarded', 'proxy'], '10.0.0.1'],
    [['--trust-forwarded=none'], 'nobody'],
    [[], '10.0.0.1'],
  ]
  for (const [args, address] of cases) {
    using folder = new Folder({ 'index.ts': app })
    const socket = folder.file('w.sock')
    await using program = new Program({ args: [folder.path, '--listen', `unix:${socket}`, ...args] })
    await program.address()
    expect(await (await fetchUnix(socket, '/', { headers: FIELDS })).text()).toBe(address)
  }
})
