/** How long a client of HTTP/2 may take for what. */
import { expect, test } from 'bun:test'
import { ERROR } from '../../../src/http2/error-code.ts'
import { FLAG, FRAME } from '../../../src/http2/frame-type.ts'
import {
  OK,
  RawBackend,
  TestBalancer,
  answering,
  eventually,
  type Script,
} from '../../exchange/data-plane.ts'
import { frame, settingsOf } from '../../http2/frames.ts'
import { FrameClient, GET, POST, fieldOf } from './frame-client.ts'

async function start(timeouts: Record<string, number>, script: Script = answering(OK)) {
  const backend = await RawBackend.start(script)
  const balancer = await TestBalancer.start([backend.path], {
    listener: { http2: true },
    timeouts,
    limits: { minBodyBytesPerSecond: 0 },
  })
  return {
    balancer,
    connect: (settings?: Buffer) => FrameClient.connect(balancer.port, settings),
    async [Symbol.asyncDispose]() {
      await balancer[Symbol.asyncDispose]()
      await backend[Symbol.asyncDispose]()
    },
  }
}

test('a header block that trickles in ends the connection', async () => {
  await using it = await start({ headerMs: 300 })
  using client = await it.connect()
  const block = client.encode(GET)
  client.write(frame(FRAME.headers, FLAG.endStream, 1, block.subarray(0, 5)))
  for (let at = 5; !client.ended && at < 12; at++) {
    await Bun.sleep(100)
    client.write(frame(FRAME.continuation, 0, 1, block.subarray(at, at + 1)))
  }
  await eventually(() => client.ended)
  expect(client.goAway).toBe(ERROR.enhanceYourCalm)
})

test('so does one frame of it', async () => {
  await using it = await start({ headerMs: 300 })
  using client = await it.connect()
  client.write(client.headers(1, GET, true).subarray(0, 15))
  await eventually(() => client.ended)
  expect(client.goAway).toBe(ERROR.enhanceYourCalm)
})

test('a connection that never asks for anything is told to go', async () => {
  await using it = await start({ headerMs: 300 })
  using client = await it.connect()
  await eventually(() => client.ended)
  expect(client.goAways).toEqual([{ lastStream: 0, code: ERROR.none }])
})

test('a body that stops is answered with 408, and its stream is reset', async () => {
  await using it = await start({ bodyIdleMs: 300 }, () => {})
  using client = await it.connect()
  client.write(client.headers(1, [...POST, ['content-length', '9']], false), client.data(1, 'half', false))
  await eventually(() => client.response(1).reset !== undefined)
  expect(fieldOf(client.response(1).blocks[0], ':status')).toBe('408')
  expect(client.response(1).reset).toBe(ERROR.none)
  expect(client.ended).toBe(false)
})

test('a window that stays closed ends its stream, and no other', async () => {
  await using it = await start({ writeIdleMs: 300 })
  using client = await it.connect(frame(FRAME.settings, 0, 0, settingsOf([4, 1])))
  client.request(1, GET)
  await eventually(() => client.response(1).reset !== undefined)
  expect(client.response(1)).toMatchObject({ body: 'o', reset: ERROR.internal })
  expect(it.balancer.ended).toMatchObject([{ status: 200, cause: 'client-timeout' }])
  client.write(frame(FRAME.settings, 0, 0, settingsOf([4, 100]))).request(3, GET)
  expect((await client.settled(3)).body).toBe('ok')
})

test('a backend that does not answer is answered for with 504', async () => {
  await using it = await start({ responseMs: 300 }, () => {})
  using client = await it.connect()
  client.request(1, GET)
  expect(fieldOf((await client.settled(1)).blocks[0], ':status')).toBe('504')
})
