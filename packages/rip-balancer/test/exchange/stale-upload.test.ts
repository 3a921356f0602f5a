import { expect, test } from 'bun:test'
import { DataPlane } from '../../src/exchange/data-plane.ts'
import { ClientConnection } from '../../src/listener/client-connection.ts'
import type { Claims } from '../../src/pool/claim.ts'
import { UpstreamConnection } from '../../src/upstream/upstream-connection.ts'
import { MemorySocket, timelessSettings } from './in-process.ts'
import { RecentAnswers } from '../../src/answers/recent-answers.ts'
import { NO_KEEPER } from './no-keeper.ts'

/** A socket whose peer has gone: every write fails. */
class DeadSocket extends MemorySocket {
  override write(): number {
    return -1
  }
}

const backend = {
  id: 'b',
  address: { kind: 'unix', path: '/nowhere' },
  maxInFlight: 1,
  inFlight: 0,
  generation: undefined,
  leaving: false,
  onTrial: false,
  answers: new RecentAnswers(),
} as const

test('a POST of which nothing was written to a closed connection is sent again with its body', () => {
  const claims: Claims = {
    queued: 0,
    capacity: 1,
    isPressed: false,
    waitsForBackends: false,
    claim: () => backend,
    withdraw() {},
    release() {},
    hasRoom: () => true,
    hold() {},
    letGo() {},
    mayRetry: () => true,
    hasOther: () => true,
  }
  const plane = new DataPlane({ ...timelessSettings(), retries: 1 }, claims)
  const owner = { park() {}, gone() {}, closedUnused() {}, fault() {} }
  const limits = { head: plane.settings.limits, maxInterimResponses: 1, idleMs: 1_000 }
  const opened: { socket: MemorySocket; upstream: UpstreamConnection }[] = []
  const connect = (socket: MemorySocket, sink: ConstructorParameters<typeof UpstreamConnection>[4]) => {
    const upstream = new UpstreamConnection(socket, plane.turn, owner, limits, sink)
    opened.push({ socket, upstream })
    return upstream
  }
  plane.upstreams.takeIdle = (_backend, sink) => {
    const stale = connect(new DeadSocket(), undefined)
    stale.opened()
    stale.take(sink)
    return stale
  }
  plane.upstreams.open = (_backend, sink) => connect(new MemorySocket(), sink)
  const client = new ClientConnection(
    new MemorySocket(),
    plane,
    NO_KEEPER,
    { address: '127.0.0.1', port: 4711 },
    false,
  )

  const { turn } = plane
  turn.run(() => client.received(Buffer.from('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello')))
  turn.run(() => opened[0]!.upstream.lost('reset'))
  turn.run(() => opened[1]!.upstream.opened())
  expect(opened[1]!.socket.written).toEndWith('\r\n\r\nhello')
})
