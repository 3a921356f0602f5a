import { expect, test } from 'bun:test'
import {
  Load,
  type LoadOptions,
  type LoadOutcome,
  type LoadReport,
  type Traffic,
  RequestFailure,
} from '../src/index.ts'

const GET: Traffic = { request: (n) => ({ method: 'GET', path: `/${n}`, keepAlive: n % 2 === 0 }) }

interface Sent {
  readonly report: LoadReport
  readonly outcomes: readonly LoadOutcome[]
}

/** Puts load on a port until that many requests were sent. */
async function sendTo(port: number, count: number, options: Partial<LoadOptions>): Promise<Sent> {
  const outcomes: LoadOutcome[] = []
  const onOutcome = (outcome: LoadOutcome): void => void outcomes.push(outcome)
  const load = new Load({ port, ratePerSecond: 500, traffic: GET, ...options, onOutcome })
  load.start()
  while (load.sent < count) await Bun.sleep(1)
  return { report: await load.stop(), outcomes }
}

test('every request that is not answered with its whole answer is counted, by kind', async () => {
  const sockets = Bun.listen<undefined>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data(socket, bytes) {
        const n = Number(/^GET \/(\d+)/.exec(bytes.toString())?.[1])
        if (n % 5 === 1) return void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly')
        if (n % 5 === 2) return void socket.write('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n')
        if (n % 5 === 3) return
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody')
      },
    },
  })
  try {
    const { report, outcomes } = await sendTo(sockets.port, 50, { timeoutMs: 200 })
    const ofKind = (kind: number): number =>
      outcomes.filter(({ request }) => Number(request.path.slice(1)) % 5 === kind).length
    expect(outcomes).toHaveLength(report.sent)
    expect(report.failures).toEqual({ cut: ofKind(1), status: ofKind(2), timeout: ofKind(3) })
    expect(report.ok).toBe(ofKind(4) + ofKind(0))
  } finally {
    sockets.stop(true)
  }
})

test('requests are sent although earlier ones were not answered, and a wrong answer is a failure', async () => {
  const all = Promise.withResolvers<void>()
  let waiting = 0
  using server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch({ url }) {
      if (++waiting === 50) all.resolve()
      await all.promise
      return new Response(new URL(url).pathname === '/7' ? 'something else' : 'right')
    },
  })
  const check = (_: unknown, { body }: { body: Buffer }): void => {
    if (body.toString() !== 'right') throw new RequestFailure('checksum', 'another answer')
  }
  const { report } = await sendTo(server.port!, 50, { traffic: { ...GET, check } })
  expect([report.sent - report.ok, report.failures]).toEqual([1, { checksum: 1 }])
})

test('a refused connection is a failure', async () => {
  const gone = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = gone
  gone.stop(true)
  const { report } = await sendTo(port, 5, {})
  expect(report.failures).toEqual({ refused: report.sent })
})
