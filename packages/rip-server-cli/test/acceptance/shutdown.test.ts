import { expect } from 'bun:test'
import {
  Connection,
  isAlive,
  type LoadOutcome,
  type Program,
  type ReleaseSandbox,
  timeUntil,
  until,
} from '@rip/testing'
import { expectWithin, figure, long, short } from './scenario.ts'
import { expectNothingFailed } from './expect-nothing-failed.ts'

interface Stop {
  readonly code: number
  /** Time from the signal to the exit. */
  readonly tookMs: number
}

async function stopWith(server: Program, signal: NodeJS.Signals): Promise<Stop> {
  const startedAt = performance.now()
  server.kill(signal)
  return { code: await server.exited(), tookMs: performance.now() - startedAt }
}

/** Expects that nothing of the server is left: no process, socket or listener. */
async function expectGone(sandbox: ReleaseSandbox, limitMs: number): Promise<void> {
  const ms = await sandbox.timeUntilGone(limitMs + 5000)
  expectWithin(limitMs, ms, `processes are left ${Math.round(ms)} ms after the exit`)
  expect(
    (await sandbox.socketsLeft()).length,
    `sockets are left: ${(await sandbox.socketsLeft()).join(', ')}`,
  ).toBe(0)
  expect(await sandbox.accepts(), 'somebody still listens').toBe(false)
}

long('after TERM under load there are answers, then refusals, and nothing in between', async (sandbox) => {
  const server = await sandbox.serve()
  const outcomes: LoadOutcome[] = []
  const load = sandbox.startLoad({ onOutcome: (outcome) => void outcomes.push(outcome) })
  await Bun.sleep(3000)
  const { code, tookMs } = await stopWith(server, 'SIGTERM')
  const exitedAt = performance.now()
  await Bun.sleep(500)
  await load.stop()
  const answered = outcomes.filter(({ failure }) => failure === undefined)
  const refused = outcomes.filter(({ failure }) => failure === 'refused')
  const lost = outcomes.filter(({ failure }) => failure !== undefined && failure !== 'refused')
  const firstRefusedAt = Math.min(...refused.map(({ startedAt }) => startedAt))
  const late = answered.filter(({ startedAt }) => startedAt > firstRefusedAt)
  const lastAnswerAt = Math.max(...answered.map(({ endedAt }) => endedAt))
  expect(code, `exit code ${code}: ${server.stderr.trim()}`).toBe(0)
  expect(refused.length, 'nothing was refused afterwards').toBeGreaterThan(0)
  expect(lost.length, `${lost.length} were accepted and lost: ${kindsOf(lost)}`).toBe(0)
  expectWithin(
    1000,
    exitedAt - lastAnswerAt,
    `${Math.round(exitedAt - lastAnswerAt)} ms from the last answer to the exit`,
  )
  await expectGone(sandbox, 100)
  figure(`${answered.length} answered, ${lost.length} lost, then ${refused.length} refused`)
  figure(`${late.length} answers on kept connections after the first refusal`)
  figure(`exit ${code} after ${Math.round(tookMs)} ms`)
})

const kindsOf = (outcomes: readonly LoadOutcome[]): string =>
  outcomes.map(({ request, failure }) => `${request.method} ${request.path} ${failure}`).join(', ')

long(
  'a request that takes longer than the drain timeout is cut, named, and the exit code says so',
  async (sandbox) => {
    const server = await sandbox.serve({ flags: ['--drain-timeout', '5s'] })
    const cut = sandbox.get('/sleep?ms=60000', 60_000).then(
      ({ status }) => `status ${status}`,
      () => 'closed',
    )
    await Bun.sleep(300)
    const { code, tookMs } = await stopWith(server, 'SIGTERM')
    expect(code, `exit code ${code}`).toBe(1)
    expect(tookMs >= 4900 && tookMs <= 6000, `it took ${Math.round(tookMs)} ms`).toBe(true)
    expect(await cut, `the request got ${await cut}`).toMatch(/status 50[23]|closed/)
    expect(server.stderr, `the request is not named: ${server.stderr.trim()}`).toContain('/sleep')
    await expectGone(sandbox, 100)
    figure(`exit ${code} after ${(tookMs / 1000).toFixed(1)} s, the request got ${await cut}`)
  },
)

long('TERM while the first workers boot ends at once and leaves nothing', async (sandbox) => {
  sandbox.deploy('v0', 'await Bun.sleep(10_000)')
  const server = sandbox.launch('start', sandbox.app, '--port', `${sandbox.port}`)
  await until('a worker boots', async () => (await sandbox.workerPids()).length > 0)
  const { code, tookMs } = await stopWith(server, 'SIGTERM')
  expect(code, `exit code ${code}`).toBe(143)
  expectWithin(2000, tookMs, `it took ${Math.round(tookMs)} ms`)
  await expectGone(sandbox, 100)
  figure(`exit ${code} after ${Math.round(tookMs)} ms`)
})

long('Ctrl-C once finishes what runs, twice ends at once', async (sandbox) => {
  const first = await sandbox.serve()
  const running = sandbox.get('/sleep?ms=2000').then(({ status }) => status)
  await Bun.sleep(300)
  first.interrupt()
  expect(await running, `the running request got ${await running}`).toBe(200)
  const once = await first.exited()
  expect(once, `once ended with ${once}`).toBe(0)
  const second = await sandbox.serve()
  void sandbox.get('/sleep?ms=20000').catch(() => {})
  await Bun.sleep(300)
  second.interrupt()
  await Bun.sleep(300)
  const startedAt = performance.now()
  second.interrupt()
  const twice = await second.exited()
  const tookMs = performance.now() - startedAt
  expect(twice, `twice, with a request cut, ended with ${twice}`).toBe(1)
  expectWithin(500, tookMs, `it took ${Math.round(tookMs)} ms`)
  await expectGone(sandbox, 100)
  figure(`once: 200, exit ${once}; twice: exit ${twice} after ${Math.round(tookMs)} ms`)
})

short('TERM ten times within a millisecond is one TERM', async (sandbox) => {
  const server = await sandbox.serve()
  const running = sandbox.get('/sleep?ms=2000').then(
    ({ status }) => `status ${status}`,
    () => 'cut',
  )
  await Bun.sleep(300)
  for (let n = 0; n < 10; n++) server.kill('SIGTERM')
  expect(await running, `the running request: ${await running}`).toBe('status 200')
  const code = await server.exited()
  expect(code, `exit code ${code}`).toBe(0)
  figure(`the running request got 200, exit ${code}`)
})

long(
  'with --stop-delay a server says that it is not ready, serves on for that time, and then drains',
  async (sandbox) => {
    const server = await sandbox.serve({ flags: ['--stop-delay', '5s'] })
    const isReady = async (): Promise<boolean> =>
      (await fetch('http://control/ready', { unix: sandbox.control() })).ok
    expect(await isReady(), 'it is not ready before TERM').toBe(true)
    const load = sandbox.startLoad()
    const startedAt = performance.now()
    server.kill('SIGTERM')
    const toldMs = await timeUntil(async () => !(await isReady()), 2000)
    // The load balancer stops sending requests shortly before the delay is over.
    await Bun.sleep(4000)
    const report = await load.stop()
    const code = await server.exited()
    const tookMs = performance.now() - startedAt
    expectWithin(500, toldMs, `it is said to be ready for another ${Math.round(toldMs)} ms`)
    expectNothingFailed(report)
    expect(code, `exit code ${code}`).toBe(0)
    expect(tookMs >= 5000 && tookMs <= 6500, `it took ${Math.round(tookMs)} ms`).toBe(true)
    await expectGone(sandbox, 100)
    figure(`503 after ${Math.round(toldMs)} ms, exit ${code} after ${(tookMs / 1000).toFixed(1)} s`)
  },
)

long('an application that ignores TERM and holds timers is ended', async (sandbox) => {
  sandbox.extendEntry(
    "process.on('SIGTERM', () => {})\nprocess.on('SIGINT', () => {})\nsetInterval(() => {}, 1000)",
  )
  const server = await sandbox.serve()
  const { code, tookMs } = await stopWith(server, 'SIGTERM')
  expect(code, `exit code ${code}`).toBe(0)
  expectWithin(3000, tookMs, `it took ${Math.round(tookMs)} ms`)
  await expectGone(sandbox, 100)
  figure(`exit ${code} after ${Math.round(tookMs)} ms`)
})

short('a thousand idle connections do not hold up a stop', async (sandbox) => {
  const server = await sandbox.serve()
  const open = async (): Promise<Connection> => {
    const connection = new Connection()
    await connection.connect('127.0.0.1', sandbox.port)
    await connection.request({ method: 'GET', path: '/', keepAlive: true }, 'x', 10_000)
    return connection
  }
  const connections: Connection[] = []
  for (let n = 0; n < 20; n++)
    connections.push(...(await Promise.all(Array.from({ length: 50 }, () => open()))))
  const { code, tookMs } = await stopWith(server, 'SIGTERM')
  const closed = connections.filter(({ open: stillOpen }) => !stillOpen).length
  expect(code, `exit code ${code}`).toBe(0)
  expectWithin(1500, tookMs, `it took ${Math.round(tookMs)} ms`)
  expect(closed, `${1000 - closed} connections are still open`).toBe(1000)
  await expectGone(sandbox, 100)
  figure(`exit ${code} after ${Math.round(tookMs)} ms, ${closed} connections closed`)
})

short('a child of a worker that ignores TERM does not outlive the server', async (sandbox) => {
  const server = await sandbox.serve()
  const grandchild = Number(await (await sandbox.get('/spawn')).text())
  expect(isAlive(grandchild), 'there is no grandchild').toBe(true)
  const { code } = await stopWith(server, 'SIGTERM')
  const ms = await timeUntil(() => !isAlive(grandchild), 5000)
  expect(code, `exit code ${code}`).toBe(0)
  expectWithin(1000, ms, `the grandchild lives ${Math.round(ms)} ms longer`)
  await expectGone(sandbox, 100)
  figure(`gone ${Math.round(ms)} ms after the exit`)
})
