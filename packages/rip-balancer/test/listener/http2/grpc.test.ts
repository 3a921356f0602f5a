/** The way of gRPC: HTTP/2 on both sides, messages in both directions at the same time, and a status in trailers. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { balance, type Balancer, type BalancerConfig } from '../../../src/index.ts'
import { FrameClient, POST, fieldOf, withField, type Fields } from './frame-client.ts'
import { eventually } from '../../exchange/data-plane.ts'

const REQUEST: Fields = [...POST, ['content-type', 'application/grpc'], ['te', 'trailers']]
const HEAD = { ':status': 200, 'content-type': 'application/grpc' }

let server: http2.Http2Server

beforeAll(async () => {
  server = http2.createServer()
  server.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
    stream.on('error', () => {})
    if (headers[':path'] === '/fail')
      return stream.respond({ ...HEAD, 'grpc-status': '5' }, { endStream: true })
    if (headers[':path'] === '/late') {
      const timer = setTimeout(() => stream.respond(HEAD), 500)
      return stream.on('close', () => clearTimeout(timer))
    }
    if (headers[':path'] === '/ticks') {
      stream.respond(HEAD)
      const timer = setInterval(() => stream.write('tick '), 50)
      return stream.on('close', () => clearInterval(timer))
    }
    stream.respond(HEAD, { waitForTrailers: true })
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'grpc-status': '0', 'x-te': String(headers['te']) }),
    )
    stream.on('data', (chunk: Buffer) => stream.write(`echo ${chunk.toString()}`))
    stream.on('end', () => stream.end())
    return undefined
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterAll(() => void server.close())

function start(
  config: BalancerConfig = {},
  onWarning: (message: string) => void = () => {},
): Promise<Balancer> {
  const { port } = server.address() as AddressInfo
  return balance(
    { listen: { address: '127.0.0.1:0', http2: true }, to: `h2c://127.0.0.1:${port}`, ...config },
    { onWarning },
  )
}

const connect = ({ url }: Balancer): Promise<FrameClient> => FrameClient.connect(Number(new URL(url).port))

test('messages go in both directions, and the status comes behind them', async () => {
  await using balancer = await start()
  using client = await connect(balancer)
  client.write(client.headers(1, REQUEST, false))
  for (let count = 1; count <= 3; count++) {
    client.write(client.data(1, `${count}`, false))
    await eventually(() => client.response(1).body.endsWith(`echo ${count}`))
  }
  client.write(client.data(1, '', true))
  const response = await client.settled(1)
  expect(response.body).toBe('echo 1echo 2echo 3')
  expect(fieldOf(response.blocks[0], 'content-type')).toBe('application/grpc')
  expect(response.blocks[1]).toEqual([
    ['grpc-status', '0'],
    ['x-te', 'trailers'],
  ])
})

test('a status without a message is the head of a response that is over', async () => {
  await using balancer = await start()
  using client = await connect(balancer)
  client.request(1, withField(REQUEST, ':path', '/fail'), 'x')
  const response = await client.settled(1)
  expect(response).toMatchObject({ ended: true, body: '' })
  expect(fieldOf(response.blocks[0], 'grpc-status')).toBe('5')
})

test('a client may be silent for as long as it likes while the backend sends messages', async () => {
  await using balancer = await start({ timeouts: { body: 100 } })
  using client = await connect(balancer)
  client.write(
    client.headers(1, withField(REQUEST, ':path', '/ticks'), false),
    client.data(1, 'begin', false),
  )
  await eventually(() => client.response(1).body.length >= 'tick '.length * 20 || client.response(1).ended)
  expect(client.response(1)).toMatchObject({ ended: false, reset: undefined })
})

test('a client may be silent for as long as it likes before the backend says anything', async () => {
  await using balancer = await start({ timeouts: { body: 100 } })
  using client = await connect(balancer)
  client.write(client.headers(1, withField(REQUEST, ':path', '/late'), false), client.data(1, 'begin', false))
  await eventually(() => client.response(1).blocks.length > 0)
  expect(fieldOf(client.response(1).blocks[0], ':status')).toBe('200')
})

test('a stream begins at once also while backends are scarce', async () => {
  await using balancer = await start({ maxInFlight: 3 })
  using client = await connect(balancer)
  for (const id of [1, 3, 5]) {
    client.write(client.headers(id, REQUEST, false), client.data(id, 'a', false))
    await eventually(() => client.response(id).body === 'echo a')
  }
})

test('a stream ends when both sides are silent, which the log says', async () => {
  const told: string[] = []
  await using balancer = await start(
    { timeouts: { responseIdle: 100 } },
    (message) => void told.push(message),
  )
  using client = await connect(balancer)
  client.write(client.headers(1, REQUEST, false), client.data(1, 'a', false))
  await client.settled(1)
  expect(client.response(1).ended).toBe(false)
  expect(told).toEqual([
    expect.stringContaining("was cut off: the balancer's timeouts.responseIdle is 100 ms"),
  ])
})

test('a stream ends when its client has sent more than it may, which the log says', async () => {
  const told: string[] = []
  await using balancer = await start({ limits: { body: 1_000 } }, (message) => void told.push(message))
  using client = await connect(balancer)
  client.write(client.headers(1, REQUEST, false), client.data(1, 'x'.repeat(600), false))
  await eventually(() => client.response(1).body.length > 600)
  client.write(client.data(1, 'x'.repeat(600), false))
  await client.settled(1)
  expect(told).toEqual([
    expect.stringContaining("was cut off: the balancer's limits.body is 1000 bytes; --max-body raises it"),
  ])
})
