/** What a client of HTTP/2 cannot make the balancer do, over a socket; `http2/abuse.test.ts` has the bounds one by one. */
import { expect, test } from 'bun:test'
import type net from 'node:net'
import { ERROR } from '../../../src/http2/error-code.ts'
import { FLAG, FRAME } from '../../../src/http2/frame-type.ts'
import { OK, eventually } from '../../exchange/data-plane.ts'
import { SETTINGS, frame, numbers, settingsOf } from '../../http2/frames.ts'
import { GET, POST, fieldOf, withField, type Fields } from './frame-client.ts'
import { startFront } from './front.ts'

const MAX_FRAME_BYTES = 16_384

test('requests that are reset at once end the connection, and each of them is recorded', async () => {
  await using it = await startFront(() => {})
  const { client, balancer } = it
  for (let id = 1; id < 1_000; id += 2)
    client.write(client.headers(id, GET, true), frame(FRAME.resetStream, 0, id, numbers(ERROR.cancel)))
  await eventually(() => client.ended)
  expect(client.goAway).toBe(ERROR.enhanceYourCalm)
  expect(balancer.events).toContain('http2-resets')
  expect(balancer.ended.length).toBeWithin(90, 110)
  expect(balancer.ended.every(({ cause }) => cause === 'client-gone')).toBe(true)
  await eventually(() => it.backend.sockets.size === 0)
})

test('requests that have to be reset for what is in them do the same', async () => {
  await using it = await startFront()
  const { client } = it
  const malformed = withField(GET, ':path', '')
  for (let id = 1; id < 1_000; id += 2) client.request(id, malformed)
  await eventually(() => client.ended)
  expect(client.goAway).toBe(ERROR.enhanceYourCalm)
  expect(it.balancer.ended.length).toBeWithin(90, 110)
})

test('a header block that never ends is cut off after some frames', async () => {
  await using it = await startFront()
  const { client } = it
  client.write(frame(FRAME.headers, FLAG.endStream, 1, client.encode(GET)))
  for (let count = 0; count < 100 && !client.ended; count++) client.write(frame(FRAME.continuation, 0, 1, ''))
  await eventually(() => client.ended)
  expect(client.goAway).toBe(ERROR.enhanceYourCalm)
})

test('so is one that is too large', async () => {
  await using it = await startFront()
  const { client } = it
  const part = Buffer.alloc(MAX_FRAME_BYTES, 0x82)
  client.write(frame(FRAME.headers, FLAG.endStream, 1, part))
  for (let count = 0; count < 7; count++) client.write(frame(FRAME.continuation, 0, 1, part))
  await eventually(() => client.ended)
  expect(client.goAway).toBe(ERROR.enhanceYourCalm)
})

test.each([
  ['without a body', true],
  ['with a body', false],
])(
  'a request %s whose head is too long to be read is answered with 431, and those before it go on',
  async (_name, isWhole) => {
    const waiting: net.Socket[] = []
    await using it = await startFront((socket) => void waiting.push(socket))
    const { client } = it
    client.request(1, GET)
    await eventually(() => waiting.length === 1)
    const cookies: Fields = [...GET, ['cookie', 'c'.repeat(100_000)]]
    client.write(client.headers(3, cookies, isWhole))
    expect(fieldOf((await client.settled(3)).blocks[0], ':status')).toBe('431')
    expect(client.response(3).body).toStartWith('431\n')
    client.request(5, GET)
    client.write(frame(FRAME.ping, 0, 0, 'whatever'))
    await eventually(() => client.frames.some(({ type, flags }) => type === FRAME.ping && flags === FLAG.ack))
    expect(client.goAways).toEqual([{ lastStream: 3, code: ERROR.none }])
    waiting[0]!.write(OK)
    expect((await client.settled(1)).body).toBe('ok')
    await eventually(() => client.ended)
    expect(client.goAway).toBe(ERROR.enhanceYourCalm)
    expect(client.response(5).blocks).toEqual([])
  },
)

test('trailers that are too long to be read end their request, and no other', async () => {
  const waiting: net.Socket[] = []
  await using it = await startFront((socket) => void waiting.push(socket))
  const { client } = it
  client.request(1, GET)
  await eventually(() => waiting.length === 1)
  client.write(client.headers(3, POST, false), client.headers(3, [['x-sum', 'x'.repeat(100_000)]], true))
  expect((await client.settled(3)).reset).toBe(ERROR.enhanceYourCalm)
  waiting[0]!.write(OK)
  expect((await client.settled(1)).body).toBe('ok')
  await eventually(() => client.ended)
})

test('a small header block that stands for a large one is answered with 431, and the connection goes on', async () => {
  await using it = await startFront()
  const { client } = it
  // A field of 4,000 octets enters the table, and is named 10,000 times.
  const name = Buffer.from([0x40, 1, 0x61])
  const value = Buffer.concat([Buffer.from([0x7f, 0xa1, 0x1e]), Buffer.alloc(4_000, 'x')])
  const head = Buffer.from('8286840106682e74657374', 'hex')
  const block = Buffer.concat([head, name, value, Buffer.alloc(10_000, 0xbe)])
  client.write(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, block))
  expect(fieldOf((await client.settled(1)).blocks[0], ':status')).toBe('431')
  client.request(3, GET)
  expect((await client.settled(3)).body).toBe('ok')
})

test.each([
  ['PING', frame(FRAME.ping, 0, 0, 'whatever')],
  ['SETTINGS', SETTINGS],
  ['SETTINGS that change a window', frame(FRAME.settings, 0, 0, settingsOf([4, 1000]))],
  ['PRIORITY', frame(FRAME.priority, 0, 5, Buffer.from([0, 0, 0, 1, 16]))],
  ['WINDOW_UPDATE of one byte', frame(FRAME.windowUpdate, 0, 0, numbers(1))],
  ['frames nobody knows', frame(0x42, 0, 0, 'x')],
])('a flood of %s ends the connection', async (_name, bytes) => {
  await using it = await startFront()
  const { client } = it
  const flood = Buffer.concat(Array.from({ length: 500 }, () => bytes))
  for (let count = 0; count < 20; count++) client.write(flood)
  await eventually(() => client.ended)
  expect(client.goAway).toBe(ERROR.enhanceYourCalm)
  expect(it.balancer.events).toContain('http2-control-frames')
})

test('uploads nobody takes are held to a window for each stream', async () => {
  await using it = await startFront(() => {})
  const { client, balancer } = it
  const held: number[] = []
  balancer.claims.queued = 1
  for (let id = 1; id <= 9; id += 2) {
    client.write(client.headers(id, [...POST, ['content-length', '1000000']], false))
    for (let count = 0; count < 4; count++) client.write(client.data(id, 'x'.repeat(16_383), false))
    held.push(id)
  }
  client.request(99, GET)
  await eventually(() => it.backend.all.includes('GET / '))
  const grown = client.frames.filter(
    ({ type, stream }) => type === FRAME.windowUpdate && held.includes(stream),
  )
  const room = grown.reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
  expect(room).toBeLessThanOrEqual(5 * 4 * 16_383)
})
