import type { LoadOutcome } from '../../chaos/load.ts'
import { Connection } from '../../chaos/client.ts'
import { isAlive, timeUntil, until } from '../condition.ts'
import { expectNothingFailed } from '../load-verdict.ts'
import type { Program } from '../program.ts'
import type { Sandbox } from '../sandbox.ts'
import type { BlackBoxScenario } from '../scenario.ts'
import type { Verdict } from '../verdict.ts'

interface Stop {
  readonly code: number
  /** From the signal to the exit. */
  readonly tookMs: number
}

async function stopWith(server: Program, signal: NodeJS.Signals): Promise<Stop> {
  const startedAt = performance.now()
  server.kill(signal)
  return { code: await server.exited(), tookMs: performance.now() - startedAt }
}

/** Nothing of the server is left: no process, socket or listener. */
async function expectGone(sandbox: Sandbox, verdict: Verdict, limitMs: number): Promise<void> {
  const ms = await sandbox.timeUntilGone(limitMs + 5000)
  verdict.expect(ms <= limitMs, `processes are left ${Math.round(ms)} ms after the exit`)
  verdict.expect(sandbox.socketsLeft().length === 0, `sockets are left: ${sandbox.socketsLeft().join(', ')}`)
  verdict.expect(!(await sandbox.accepts()), 'somebody still listens')
}

const S22: BlackBoxScenario = {
  id: 'S22',
  title: 'TERM under load: answers, then refusals, nothing between',
  shortened: '150 requests/s',
  async run(sandbox, verdict) {
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
    verdict.expect(code === 0, `exit code ${code}: ${server.stderr.trim()}`)
    verdict.expect(refused.length > 0, 'nothing was refused afterwards')
    verdict.expect(lost.length === 0, `${lost.length} were accepted and lost: ${kindsOf(lost)}`)
    verdict.expect(
      exitedAt - lastAnswerAt <= 1000,
      `${Math.round(exitedAt - lastAnswerAt)} ms from the last answer to the exit`,
    )
    await expectGone(sandbox, verdict, 100)
    verdict.figure(`${answered.length} answered, ${lost.length} lost, then ${refused.length} refused`)
    verdict.figure(`${late.length} answers on kept connections after the first refusal`)
    verdict.figure(`exit ${code} after ${Math.round(tookMs)} ms`)
  },
}

const kindsOf = (outcomes: readonly LoadOutcome[]): string =>
  outcomes.map(({ request, failure }) => `${request.method} ${request.path} ${failure}`).join(', ')

const S23: BlackBoxScenario = {
  id: 'S23',
  title: 'TERM while a request takes longer than the drain timeout of 5 s',
  async run(sandbox, verdict) {
    const server = await sandbox.serve({ flags: ['--drain-timeout', '5s'] })
    const cut = sandbox.get('/sleep?ms=60000', 60_000).then(
      ({ status }) => `status ${status}`,
      () => 'closed',
    )
    await Bun.sleep(300)
    const { code, tookMs } = await stopWith(server, 'SIGTERM')
    verdict.expect(code === 1, `exit code ${code}`)
    verdict.expect(tookMs >= 4900 && tookMs <= 6000, `it took ${Math.round(tookMs)} ms`)
    verdict.expect(/status 50[23]|closed/.test(await cut), `the request got ${await cut}`)
    verdict.expect(server.stderr.includes('/sleep'), `the request is not named: ${server.stderr.trim()}`)
    await expectGone(sandbox, verdict, 100)
    verdict.figure(`exit ${code} after ${(tookMs / 1000).toFixed(1)} s, the request got ${await cut}`)
  },
}

const S24: BlackBoxScenario = {
  id: 'S24',
  title: 'TERM while the first workers boot',
  async run(sandbox, verdict) {
    sandbox.deployWith('v0', 'await Bun.sleep(10_000)')
    const server = sandbox.launch('start', sandbox.app, '--port', `${sandbox.port}`)
    await until('a worker boots', async () => (await sandbox.workerPids()).length > 0)
    const { code, tookMs } = await stopWith(server, 'SIGTERM')
    verdict.expect(code === 143, `exit code ${code}`)
    verdict.expect(tookMs <= 2000, `it took ${Math.round(tookMs)} ms`)
    await expectGone(sandbox, verdict, 100)
    verdict.figure(`exit ${code} after ${Math.round(tookMs)} ms`)
  },
}

const S25: BlackBoxScenario = {
  id: 'S25',
  title: 'Ctrl-C once finishes what runs, twice ends at once',
  async run(sandbox, verdict) {
    const first = await sandbox.serve()
    const running = sandbox.get('/sleep?ms=2000').then(({ status }) => status)
    await Bun.sleep(300)
    first.killGroup('SIGINT')
    verdict.expect((await running) === 200, `the running request got ${await running}`)
    const once = await first.exited()
    verdict.expect(once === 0, `once ended with ${once}`)
    const second = await sandbox.serve()
    void sandbox.get('/sleep?ms=20000').catch(() => {})
    await Bun.sleep(300)
    second.killGroup('SIGINT')
    await Bun.sleep(300)
    const startedAt = performance.now()
    second.killGroup('SIGINT')
    const twice = await second.exited()
    const tookMs = performance.now() - startedAt
    verdict.expect(twice === 1, `twice, with a request cut, ended with ${twice}`)
    verdict.expect(tookMs <= 500, `it took ${Math.round(tookMs)} ms`)
    await expectGone(sandbox, verdict, 100)
    verdict.figure(`once: 200, exit ${once}; twice: exit ${twice} after ${Math.round(tookMs)} ms`)
  },
}

const S27: BlackBoxScenario = {
  id: 'S27',
  title: 'TERM ten times within a millisecond is one TERM',
  async run(sandbox, verdict) {
    const server = await sandbox.serve()
    const running = sandbox.get('/sleep?ms=2000').then(
      ({ status }) => `status ${status}`,
      () => 'cut',
    )
    await Bun.sleep(300)
    for (let n = 0; n < 10; n++) server.kill('SIGTERM')
    verdict.expect((await running) === 'status 200', `the running request: ${await running}`)
    const code = await server.exited()
    verdict.expect(code === 0, `exit code ${code}`)
    verdict.figure(`the running request got 200, exit ${code}`)
  },
}

const S26: BlackBoxScenario = {
  id: 'S26',
  title: 'TERM with --stop-delay 5s: not ready at once, served for 5 s, then the drain',
  shortened: '150 requests/s',
  async run(sandbox, verdict) {
    const server = await sandbox.serve({ flags: ['--stop-delay', '5s'] })
    const isReady = async (): Promise<boolean> =>
      (await fetch('http://control/ready', { unix: sandbox.control() })).ok
    verdict.expect(await isReady(), 'it is not ready before TERM')
    const load = sandbox.startLoad()
    const startedAt = performance.now()
    server.kill('SIGTERM')
    const toldMs = await timeUntil(async () => !(await isReady()), 2000)
    // The load balancer outside turns away shortly before the delay is over.
    await Bun.sleep(4000)
    const report = await load.stop()
    const code = await server.exited()
    const tookMs = performance.now() - startedAt
    verdict.expect(toldMs <= 500, `it is said to be ready for another ${Math.round(toldMs)} ms`)
    expectNothingFailed(verdict, report)
    verdict.expect(code === 0, `exit code ${code}`)
    verdict.expect(tookMs >= 5000 && tookMs <= 6500, `it took ${Math.round(tookMs)} ms`)
    await expectGone(sandbox, verdict, 100)
    verdict.figure(`503 after ${Math.round(toldMs)} ms, exit ${code} after ${(tookMs / 1000).toFixed(1)} s`)
  },
}

const S28: BlackBoxScenario = {
  id: 'S28',
  title: 'an application that ignores TERM and holds timers',
  async run(sandbox, verdict) {
    sandbox.extendEntry(
      "process.on('SIGTERM', () => {})\nprocess.on('SIGINT', () => {})\nsetInterval(() => {}, 1000)",
    )
    const server = await sandbox.serve()
    const { code, tookMs } = await stopWith(server, 'SIGTERM')
    verdict.expect(code === 0, `exit code ${code}`)
    verdict.expect(tookMs <= 3000, `it took ${Math.round(tookMs)} ms`)
    await expectGone(sandbox, verdict, 100)
    verdict.figure(`exit ${code} after ${Math.round(tookMs)} ms`)
  },
}

const S29: BlackBoxScenario = {
  id: 'S29',
  title: 'TERM with nothing but 1,000 idle kept connections',
  async run(sandbox, verdict) {
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
    verdict.expect(code === 0, `exit code ${code}`)
    verdict.expect(tookMs <= 1500, `it took ${Math.round(tookMs)} ms`)
    verdict.expect(closed === 1000, `${1000 - closed} connections are still open`)
    await expectGone(sandbox, verdict, 100)
    verdict.figure(`exit ${code} after ${Math.round(tookMs)} ms, ${closed} connections closed`)
  },
}

const S30: BlackBoxScenario = {
  id: 'S30',
  title: 'a worker has a child that ignores TERM',
  async run(sandbox, verdict) {
    const server = await sandbox.serve()
    const grandchild = Number(await (await sandbox.get('/spawn')).text())
    verdict.expect(isAlive(grandchild), 'there is no grandchild')
    const { code } = await stopWith(server, 'SIGTERM')
    const ms = await timeUntil(() => !isAlive(grandchild), 5000)
    verdict.expect(code === 0, `exit code ${code}`)
    verdict.expect(ms <= 1000, `the grandchild lives ${Math.round(ms)} ms longer`)
    await expectGone(sandbox, verdict, 100)
    verdict.figure(`gone ${Math.round(ms)} ms after the exit`)
  },
}

export const SHUTDOWN: readonly BlackBoxScenario[] = [S22, S23, S24, S25, S26, S27, S28, S29, S30]
