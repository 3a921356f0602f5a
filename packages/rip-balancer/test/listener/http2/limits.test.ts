/** How much of what a client can have by HTTP/2. */
import { expect, test } from 'bun:test'
import { ERROR } from '../../../src/http2/error-code.ts'
import { FRAME } from '../../../src/http2/frame-type.ts'
import { RawBackend, TestBalancer, eventually } from '../../exchange/data-plane.ts'
import { frame, numbers } from '../../http2/frames.ts'
import { FrameClient, GET } from './frame-client.ts'

async function start(limits: { maxConnections?: number; maxConnectionsPerAddress?: number }) {
  const backend = await RawBackend.start(() => {})
  const balancer = await TestBalancer.start([backend.path], { listener: { http2: true }, limits })
  return {
    backend,
    balancer,
    async [Symbol.asyncDispose]() {
      await balancer[Symbol.asyncDispose]()
      await backend[Symbol.asyncDispose]()
    },
  }
}

const requests = (count: number): number[] => Array.from({ length: count }, (_, at) => 1 + 2 * at)

test.each([{ maxConnections: 3 }, { maxConnectionsPerAddress: 3 }])(
  'eight streams more count as another connection: %p',
  async (limits) => {
    await using it = await start(limits)
    using client = await FrameClient.connect(it.balancer.port)
    for (const id of requests(25)) client.request(id, GET)
    expect(await client.settled(49)).toMatchObject({ reset: ERROR.refusedStream })
    await eventually(() => it.backend.received.length === 24)
    expect(it.balancer.events.filter((event) => event === 'refused-stream')).toHaveLength(1)
    // Those that are reset make room, for streams and for connections.
    const cancelled = requests(17).map((id) => frame(FRAME.resetStream, 0, id, numbers(ERROR.cancel)))
    client.write(...cancelled).request(51, GET)
    await eventually(() => it.backend.received.length === 25)
    using other = await FrameClient.connect(it.balancer.port)
    other.request(1, GET)
    await eventually(() => it.backend.received.length === 26)
  },
)

test('streams of a client that is gone count no more', async () => {
  await using it = await start({ maxConnectionsPerAddress: 2 })
  using client = await FrameClient.connect(it.balancer.port)
  for (const id of requests(16)) client.request(id, GET)
  await eventually(() => it.backend.received.length === 16)
  client.socket.destroy()
  await eventually(() => it.balancer.ended.length === 16)
  for (let round = 0; round < 2; round++) {
    using other = await FrameClient.connect(it.balancer.port)
    for (const id of requests(9)) other.request(id, GET)
    await eventually(() => it.backend.received.length === 16 + 9 * (round + 1))
    other.socket.destroy()
    await eventually(() => it.balancer.listener.status().connections === 0)
  }
})
