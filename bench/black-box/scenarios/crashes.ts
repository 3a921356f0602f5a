import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { askedBy, type LoadOutcome } from '../../chaos/load.ts'
import { isAlive, timeUntil, until } from '../condition.ts'
import { expectNothingFailed } from '../load-verdict.ts'
import { cpuMsOf, descriptorsOf } from '../process-facts.ts'
import type { Sandbox } from '../sandbox.ts'
import type { BlackBoxScenario } from '../scenario.ts'
import type { Verdict } from '../verdict.ts'

/** What the worker's event loop may be silent for before it counts as stuck, and what detection may add. */
const STUCK_AFTER_MS = 10_000
const STUCK_LIMIT_MS = 12_500

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0

const pick = <T>(values: readonly T[]): T | undefined => values[Math.floor(Math.random() * values.length)]

/** Keeps requests of 300 ms running, as many as `count`, until told to stop; tells what came of them. */
function holdRequests(sandbox: Sandbox, count: number): () => Promise<{ answered: number; lost: string[] }> {
  let running = true
  let answered = 0
  const lost: string[] = []
  const hold = async (): Promise<void> => {
    while (running) {
      try {
        const answer = await sandbox.get('/sleep?ms=300')
        if (answer.status === 200) answered++
        else lost.push(`status ${answer.status}`)
        await answer.text()
      } catch (error) {
        lost.push((error as Error).message)
      }
    }
  }
  const holders = Array.from({ length: count }, hold)
  return async () => {
    running = false
    await Promise.all(holders)
    return { answered, lost }
  }
}

const S31: BlackBoxScenario = {
  id: 'S31',
  title: 'SIGKILL of a random worker every second',
  shortened: '30 kills, 150 requests/s, 16 GETs of 300 ms always running',
  async run(sandbox, verdict) {
    await sandbox.serve()
    const failures: LoadOutcome[] = []
    const load = sandbox.startLoad({
      onOutcome: (outcome) => void (outcome.failure === undefined || failures.push(outcome)),
    })
    const release = holdRequests(sandbox, 16)
    const backMs: number[] = []
    for (let n = 0; n < 30; n++) {
      await Bun.sleep(1000)
      const victim = pick(await sandbox.workerPids())
      if (victim === undefined) continue
      process.kill(victim, 'SIGKILL')
      const ms = await timeUntil(async () => {
        const { readyWorkers = 0, workers = [] } = (await sandbox.status()) ?? {}
        return readyWorkers === 4 && !workers.some(({ pid }) => pid === victim)
      }, 10_000)
      backMs.push(ms)
    }
    const { answered, lost } = await release()
    const report = await load.stop()
    const cutStreams = failures.filter(({ request }) => request.path === '/stream').length
    const lostPosts = failures.filter(({ request }) => request.method === 'POST').length
    const lostGets = failures.length - cutStreams - lostPosts
    verdict.expect(lostGets === 0, `${lostGets} GETs failed: ${report.examples.join('; ')}`)
    verdict.expect(lost.length === 0, `${lost.length} long GETs failed: ${[...new Set(lost)].join('; ')}`)
    verdict.expect(
      percentile(backMs, 0.95) <= 500,
      `capacity back p95 ${percentile(backMs, 0.95).toFixed(0)} ms`,
    )
    verdict.figure(
      `${lostGets + lost.length} of ${report.sent + answered - cutStreams - lostPosts} GETs lost`,
    )
    verdict.figure(`${cutStreams} streams cut and ${lostPosts} POSTs lost that ran in a killed worker`)
    verdict.figure(
      `capacity back p50 ${percentile(backMs, 0.5).toFixed(0)} ms, p95 ${percentile(backMs, 0.95).toFixed(0)} ms`,
    )
  },
}

/** The application ends itself 100 ms after it was started, for as long as a file exists. */
function lightFuse(sandbox: Sandbox): { readonly light: () => void; readonly quench: () => void } {
  const fuse = join(sandbox.folder, 'fuse')
  sandbox.extendEntry(
    `import { existsSync } from 'node:fs'\nsetInterval(() => { if (existsSync('${fuse}')) process.exit(1) }, 100)`,
  )
  return { light: () => writeFileSync(fuse, ''), quench: () => rmSync(fuse) }
}

const S32: BlackBoxScenario = {
  id: 'S32',
  title: 'every worker exits 100 ms after it is ready',
  shortened: '30 s, at most 10 restarts',
  async run(sandbox, verdict) {
    const fuse = lightFuse(sandbox)
    const server = await sandbox.serve()
    const [cpuBefore, startedAt] = [cpuMsOf(server.pid), performance.now()]
    fuse.light()
    await Bun.sleep(30_000)
    const { restarts = Infinity, health } = (await sandbox.status()) ?? {}
    const cpuShare = (cpuMsOf(server.pid) - cpuBefore) / (performance.now() - startedAt)
    verdict.expect(server.running, 'the manager has ended')
    // The first crash of the four workers is not yet a loop.
    verdict.expect(restarts <= 4 + 10, `${restarts} restarts`)
    verdict.expect(health === 'crash-loop', `health is ${health}`)
    verdict.expect(cpuShare < 0.05, `the manager used ${(cpuShare * 100).toFixed(1)} % of a processor`)
    fuse.quench()
    const healedMs = await timeUntil(async () => (await sandbox.status())?.readyWorkers === 4, 60_000)
    verdict.expect(Number.isFinite(healedMs), 'it did not recover within 60 s')
    verdict.figure(`${restarts} restarts in 30 s, manager ${(cpuShare * 100).toFixed(1)} % of a processor`)
    verdict.figure(`all workers back ${(healedMs / 1000).toFixed(1)} s after the cause was gone`)
  },
}

const S33: BlackBoxScenario = {
  id: 'S33',
  title: 'the very first start fails',
  async run(sandbox, verdict) {
    sandbox.deployWith('bad', "throw new Error('the database moved')")
    const thrown = await sandbox.command('start', sandbox.app, '--port', `${sandbox.port}`)
    const told = thrown.stderr.split('the database moved').length - 1
    verdict.expect(thrown.code === 4, `a module that throws ended with ${thrown.code}`)
    verdict.expect(told >= 1 && told <= 2, `the error is told ${told} times:\n${thrown.stderr}`)
    sandbox.deployWith('bad', 'setTimeout(() => process.exit(1), 0); await Bun.sleep(100)')
    const exited = await sandbox.command('start', sandbox.app, '--port', `${sandbox.port}`)
    verdict.expect(exited.code === 3, `an exit before it was ready ended with ${exited.code}`)
    sandbox.deployWith('bad', "console.error('the queue moved'); await 0; process.exit(2)")
    const said = await sandbox.command('start', sandbox.app, '--port', `${sandbox.port}`)
    verdict.expect(
      said.stderr.split('the queue moved').length === 2,
      `what it said is told as:\n${said.stderr}`,
    )
    verdict.expect((await sandbox.timeUntilGone(2000)) < 2000, 'a process is left')
    verdict.figure(
      `exit ${thrown.code} after ${Math.round(thrown.tookMs)} ms, exit ${exited.code} after ${Math.round(exited.tookMs)} ms`,
    )
  },
}

const S34: BlackBoxScenario = {
  id: 'S34',
  title: 'a crash loop ends with the file that fixes it',
  async run(sandbox, verdict) {
    await sandbox.serve({ mode: 'dev', workers: 2 })
    sandbox.deployWith('bad', 'setTimeout(() => process.exit(1), 400)')
    await until('the crash loop is known', async () => (await sandbox.status())?.health === 'crash-loop')
    const startedAt = performance.now()
    sandbox.deploy('fixed')
    const ms = await timeUntil(async () => (await sandbox.version()) === 'fixed', 10_000)
    verdict.expect(ms <= 1000, `served after ${ms} ms`)
    await until('all are ready', async () => (await sandbox.status())?.readyWorkers === 2)
    verdict.figure(`served ${Math.round(performance.now() - startedAt)} ms after the write`)
  },
}

/** One worker stops turning: it alone is replaced, after the time that proves it. */
async function expectReplaced(sandbox: Sandbox, verdict: Verdict, stuck: number): Promise<void> {
  const others = (await sandbox.workerPids()).filter((pid) => pid !== stuck)
  const ms = await timeUntil(() => !isAlive(stuck), 30_000)
  verdict.expect(ms >= STUCK_AFTER_MS - 2500 && ms <= STUCK_LIMIT_MS, `replaced after ${Math.round(ms)} ms`)
  await until('all are ready again', async () => (await sandbox.status())?.readyWorkers === 4)
  const now = await sandbox.workerPids()
  verdict.expect(
    others.every((pid) => now.includes(pid)),
    'another worker was replaced, too',
  )
  verdict.figure(`replaced after ${(ms / 1000).toFixed(1)} s`)
}

const S35: BlackBoxScenario = {
  id: 'S35',
  title: 'an event loop that is blocked, under load',
  async run(sandbox, verdict) {
    const server = await sandbox.serve()
    const failures: LoadOutcome[] = []
    const load = sandbox.startLoad({
      timeoutMs: 20_000,
      onOutcome: (outcome) => void (outcome.failure === undefined || failures.push(outcome)),
    })
    await Bun.sleep(1000)
    const blocking = sandbox.get('/cpu?ms=60000').then(
      ({ status }) => `status ${status}`,
      () => 'cut',
    )
    const victim = await busyWorker(await sandbox.workerPids())
    await expectReplaced(sandbox, verdict, victim)
    const killedAt = performance.now()
    verdict.figure(`the blocking request itself: ${await blocking}`)
    await until('its end is told', () => server.stderr.includes('event loop'))
    verdict.expect(/\bburn\b/.test(server.stderr), 'the log does not name the function that blocked it')
    const report = await load.stop()
    const inside = failures.filter(({ endedAt }) => Math.abs(endedAt - killedAt) < 1000)
    const elsewhere = failures.length - inside.length
    verdict.expect(elsewhere === 0, `${elsewhere} others failed: ${report.examples.join('; ')}`)
    verdict.expect(inside.length < report.sent / 100, `${inside.length} of ${report.sent} were lost with it`)
    verdict.figure(`${elsewhere} of ${report.sent} failed at other workers`)
    verdict.figure(`${inside.length} were already inside the blocked one: ${methodsOf(inside)}`)
  },
}

const methodsOf = (outcomes: readonly LoadOutcome[]): string =>
  outcomes.map(({ request }) => askedBy(request)).join(', ') || '–'

/** The worker that uses the most processor time over half a second. */
async function busyWorker(pids: readonly number[]): Promise<number> {
  const before = new Map(pids.map((pid) => [pid, cpuMsOf(pid)]))
  await Bun.sleep(500)
  const used = (pid: number): number => cpuMsOf(pid) - (before.get(pid) ?? 0)
  return pids.toSorted((a, b) => used(b) - used(a))[0] ?? 0
}

const S36: BlackBoxScenario = {
  id: 'S36',
  title: 'a worker that waits is not stuck',
  shortened: 'a request of 25 s instead of 10 min; judged stuck after 10 s',
  async run(sandbox, verdict) {
    await sandbox.serve()
    const before = await sandbox.workerPids()
    const { status } = await sandbox.get('/sleep?ms=25000')
    const after = await sandbox.workerPids()
    verdict.expect(status === 200, `the request got ${status}`)
    verdict.expect(before.join() === after.join(), 'a worker was replaced')
    verdict.figure('answered with 200 after 25 s, no worker replaced')
  },
}

const S37: BlackBoxScenario = {
  id: 'S37',
  title: 'SIGSTOP of the manager under load, then SIGCONT',
  shortened: '25 s instead of 60 s',
  async run(sandbox, verdict) {
    const server = await sandbox.serve()
    const before = await sandbox.workerPids()
    const load = sandbox.startLoad()
    server.kill('SIGSTOP')
    await Bun.sleep(25_000)
    server.kill('SIGCONT')
    await Bun.sleep(4000)
    const after = await sandbox.workerPids()
    verdict.expect(before.join() === after.join(), 'a worker was replaced')
    expectNothingFailed(verdict, await load.stop())
  },
}

const S38: BlackBoxScenario = {
  id: 'S38',
  title: 'SIGSTOP of one worker',
  async run(sandbox, verdict) {
    await sandbox.serve()
    const [victim = 0] = await sandbox.workerPids()
    process.kill(victim, 'SIGSTOP')
    await expectReplaced(sandbox, verdict, victim)
    const versions = await Promise.all(Array.from({ length: 40 }, () => sandbox.version()))
    verdict.expect(
      versions.every((version) => version === 'v0'),
      'a request was not answered afterwards',
    )
  },
}

const S39: BlackBoxScenario = {
  id: 'S39',
  title: 'SIGKILL of the manager with nobody to start it again',
  async run(sandbox, verdict) {
    const server = await sandbox.serve()
    const running = Array.from({ length: 20 }, () =>
      sandbox.get('/sleep?ms=1500').then(({ status }) => status),
    )
    await Bun.sleep(300)
    server.kill('SIGKILL')
    const settled = await Promise.allSettled(running)
    const answered = settled.filter((result) => result.status === 'fulfilled' && result.value === 200).length
    verdict.expect(answered === 20, `${20 - answered} of 20 requests that ran were lost`)
    const ms = await sandbox.timeUntilGone(10_000)
    verdict.expect(ms <= 5000, `processes are left ${ms} ms after the last answer`)
    verdict.expect(!(await sandbox.accepts()), 'somebody still listens')
    verdict.figure(
      `${answered} of 20 running requests answered, all gone ${Math.round(ms)} ms after the last`,
    )
  },
}

const S40: BlackBoxScenario = {
  id: 'S40',
  title: 'SIGKILL of the manager, then a start at once',
  shortened: '50 times',
  async run(sandbox, verdict) {
    const tookMs: number[] = []
    for (let n = 0; n < 50; n++) {
      const startedAt = performance.now()
      const server = await sandbox.serve({ workers: 2 })
      tookMs.push(performance.now() - startedAt)
      server.kill('SIGKILL')
      await server.exited()
    }
    verdict.expect(Math.max(...tookMs) <= 2000, `a start took ${Math.round(Math.max(...tookMs))} ms`)
    verdict.figure(
      `50 starts, median ${Math.round(percentile(tookMs, 0.5))} ms, longest ${Math.round(Math.max(...tookMs))} ms`,
    )
  },
}

/** Sets the limit of open descriptors of a running process; see prlimit(1). */
function limitDescriptors(pid: number, count: number): void {
  const { success, stderr } = Bun.spawnSync(['prlimit', '--pid', `${pid}`, `--nofile=${count}:`])
  if (!success) throw new Error(`prlimit: ${stderr.toString()}`)
}

const S41: BlackBoxScenario = {
  id: 'S41',
  title: 'processes cannot be started during a reload',
  shortened: 'by the limit of descriptors of the manager, as one of processes does not bind root',
  async run(sandbox, verdict) {
    const server = await sandbox.serve()
    const before = await sandbox.workerPids()
    const load = sandbox.startLoad()
    const allowed = descriptorsOf(server.pid)
    limitDescriptors(server.pid, allowed + 2)
    sandbox.deploy('r1')
    const refused = await sandbox.reload()
    verdict.expect(refused.code !== 0, 'the reload claims to have worked')
    verdict.expect(server.running, 'the manager has ended')
    verdict.expect(
      /EMFILE|EAGAIN|ENFILE|descriptor/i.test(refused.stderr),
      `it says: ${refused.stderr.trim()}`,
    )
    limitDescriptors(server.pid, 4096)
    const worked = await sandbox.reload()
    verdict.expect(
      worked.code === 0,
      `afterwards a reload ended with ${worked.code}: ${worked.stderr.trim()}`,
    )
    verdict.expect((await sandbox.version()) === 'r1', 'the new release does not serve')
    verdict.expect(before.length === 4, 'not all workers were there')
    expectNothingFailed(verdict, await load.stop())
    verdict.figure(`exit ${refused.code}, then ${worked.code} once there was room again`)
  },
}

const S43: BlackBoxScenario = {
  id: 'S43',
  title: 'a worker without free descriptors',
  async run(sandbox, verdict) {
    const server = await sandbox.serve()
    const [victim = 0] = await sandbox.workerPids()
    limitDescriptors(victim, descriptorsOf(victim))
    const load = sandbox.startLoad()
    const ms = await timeUntil(() => !isAlive(victim), 20_000)
    verdict.expect(Number.isFinite(ms), 'the worker was not replaced within 20 s')
    verdict.expect(server.running && existsSync(sandbox.control()), 'the manager has ended')
    expectNothingFailed(verdict, await load.stop())
    verdict.figure(`replaced after ${(ms / 1000).toFixed(1)} s`)
  },
}

export const CRASHES: readonly BlackBoxScenario[] = [
  S31,
  S32,
  S33,
  S34,
  S35,
  S36,
  S37,
  S38,
  S39,
  S40,
  S41,
  S43,
]
