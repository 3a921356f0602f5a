import { expect, test } from 'bun:test'
import type { Backend } from '../../src/upstream/backend.ts'
import type { ResponseSink } from '../../src/upstream/response-sink.ts'
import { Turn } from '../../src/transport/turn.ts'
import { Upstreams } from '../../src/upstream/upstreams.ts'
import { RawBackend, eventually } from '../exchange/data-plane.ts'
import { timelessSettings } from '../exchange/in-process.ts'
import { RecentAnswers } from '../../src/answers/recent-answers.ts'

const backendAt = (path: string): Backend => ({
  id: path,
  address: { kind: 'unix', path },
  maxInFlight: 1,
  inFlight: 0,
  generation: undefined,
  leaving: false,
  onTrial: false,
  answers: new RecentAnswers(),
})

/** A sink that only notes when its response is complete. */
function sinkOf(complete: () => void, connected: () => void): ResponseSink {
  const nothing = (): void => {}
  const rest = {
    interim: nothing,
    head: nothing,
    data: nothing,
    mayKeep: () => false,
    tunnelEnded: nothing,
    upstreamDrained: nothing,
  }
  return {
    ...rest,
    connected,
    complete,
    switching: () => false,
    failed: (why) => expect(why).toBeUndefined(),
  }
}

const idleSink = (): ResponseSink =>
  sinkOf(
    () => {},
    () => {},
  )

/** Opens a connection for one request, after which it is unused. */
async function use(upstreams: Upstreams, backend: Backend): Promise<void> {
  const completed = Promise.withResolvers<void>()
  const connection = upstreams.open(
    backend,
    sinkOf(completed.resolve, () => {
      connection.expect(false)
      connection.outbox.appendText('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
      connection.requestComplete = true
    }),
  )
  await completed.promise
}

test('when connections are scarce, the longest unused one is closed', async () => {
  await using first = await RawBackend.start((socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n'))
  await using second = await RawBackend.start((socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n'))
  const events: string[] = []
  const upstreams = new Upstreams(
    8,
    { connection: (event) => void events.push(event), fault: () => {} },
    new Turn(),
    2,
  )
  const { limits } = timelessSettings()
  upstreams.configure({ head: limits, maxInterimResponses: 1, idleMs: 60_000 })
  const [a, b] = [backendAt(first.path), backendAt(second.path)]
  await use(upstreams, a)
  await use(upstreams, b)
  expect([upstreams.idle, events]).toEqual([2, ['upstream-opened', 'upstream-opened']])
  await use(upstreams, b)
  expect(upstreams.idle).toBe(2)
  expect(events.filter((event) => event === 'upstream-closed')).toHaveLength(1)
  expect(upstreams.takeIdle(a, idleSink(), true)).toBeUndefined()
  upstreams.close()
})

test('a backend that closes unused connections is trusted again when one stays open for longer', async () => {
  await using backend = await RawBackend.start((socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n'))
  const upstreams = new Upstreams(8, { connection: () => {}, fault: () => {} }, new Turn())
  const { limits } = timelessSettings()
  upstreams.configure({ head: limits, maxInterimResponses: 1, idleMs: 60_000 })
  const b = backendAt(backend.path)
  await use(upstreams, b)
  for (const socket of backend.sockets) socket.destroy()
  await eventually(() => upstreams.idle === 0)
  await use(upstreams, b)
  expect(upstreams.takeIdle(b, idleSink(), false)).toBeUndefined()
  upstreams.sweep(performance.now() + 10_000)
  expect(upstreams.takeIdle(b, idleSink(), false)).toBeDefined()
  upstreams.close()
})
