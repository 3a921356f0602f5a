import { expect, test } from 'bun:test'
import { existsSync, mkdtempDisposableSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Load,
  type LoadOptions,
  type LoadOutcome,
  type LoadReport,
  type Traffic,
  RequestFailure,
} from '../src/index.ts'

const GET: Traffic = { request: (n) => ({ method: 'GET', path: `/${n}`, keepAlive: n % 2 === 0 }) }

const KEPT: Traffic = { request: (n) => ({ method: 'GET', path: `/${n}`, keepAlive: true }) }

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

test('after a stall of this process no request is sent on a connection whose end has arrived meanwhile', async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'rip-load-'))
  const file = (name: string): string => join(folder.path, name)
  /** Ends all its connections when it is told to, while this process does nothing else. */
  const server = Bun.spawn(
    [
      process.execPath,
      '-e',
      `const { existsSync, writeFileSync } = require('node:fs')
      const sockets = []
      const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: {
        open: (socket) => void sockets.push(socket),
        data: (socket) => void socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\n\\r\\nbody'),
      } })
      console.log(server.port)
      for (let n = 0; ; n++) {
        while (!existsSync(${JSON.stringify(file('end'))} + n)) await Bun.sleep(2)
        for (const socket of sockets.splice(0)) socket.end()
        writeFileSync(${JSON.stringify(file('ended'))} + n, '')
      }`,
    ],
    { stdout: 'pipe' },
  )
  try {
    const { value } = await server.stdout.getReader().read()
    const port = Number(new TextDecoder().decode(value))
    let answered = 0
    const load = new Load({ port, ratePerSecond: 100, traffic: KEPT, onOutcome: () => answered++ })
    await load.open(8)
    load.start()
    for (let n = 0; n < 3; n++) {
      const { sent } = load
      while (load.sent < sent + 2 || answered < load.sent) await Bun.sleep(1)
      writeFileSync(file(`end${n}`), '')
      const stalledAt = performance.now()
      while (!existsSync(file(`ended${n}`)) || performance.now() - stalledAt < 100) Bun.sleepSync(1)
    }
    expect((await load.stop()).examples).toEqual([])
  } finally {
    server.kill()
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
