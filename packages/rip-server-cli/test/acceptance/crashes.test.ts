import { expect } from 'bun:test'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  askedBy,
  cpuMsOf,
  descriptorsOf,
  isAlive,
  type LoadOutcome,
  quantile,
  type ReleaseSandbox,
  timeUntil,
  until,
} from '@rip/testing'
import { expectWithin, figure, long, short } from './scenario.ts'
import { expectNothingFailed } from './expect-nothing-failed.ts'

/** How long an event loop may be silent before it counts as stuck, and what detection may add. */
const STUCK_AFTER_MS = 10_000
const STUCK_LIMIT_MS = 12_500

const pick = <T>(values: readonly T[]): T | undefined => values[Math.floor(Math.random() * values.length)]

/** Keeps `count` requests of 300 ms running until told to stop; returns their outcomes. */
function holdRequests(
  sandbox: ReleaseSandbox,
  count: number,
): () => Promise<{ answered: number; lost: string[] }> {
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

long(
  'workers that are killed at random cost no GET, and capacity is back within half a second',
  async (sandbox) => {
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
    expect(lostGets, `${lostGets} GETs failed: ${report.examples.join('; ')}`).toBe(0)
    expect(lost.length, `${lost.length} long GETs failed: ${[...new Set(lost)].join('; ')}`).toBe(0)
    expect(
      quantile(backMs, 0.95),
      `capacity back p95 ${quantile(backMs, 0.95).toFixed(0)} ms`,
    ).toBeLessThanOrEqual(500)
    figure(`${lostGets + lost.length} of ${report.sent + answered - cutStreams - lostPosts} GETs lost`)
    figure(`${cutStreams} streams cut and ${lostPosts} POSTs lost that ran in a killed worker`)
    figure(
      `capacity back p50 ${quantile(backMs, 0.5).toFixed(0)} ms, p95 ${quantile(backMs, 0.95).toFixed(0)} ms`,
    )
  },
)

/** Makes the application end itself 100 ms after its start, for as long as a file exists. */
function lightFuse(sandbox: ReleaseSandbox): { readonly light: () => void; readonly quench: () => void } {
  const fuse = join(sandbox.folder, 'fuse')
  sandbox.extendEntry(
    `import { existsSync } from 'node:fs'\nsetInterval(() => { if (existsSync('${fuse}')) process.exit(1) }, 100)`,
  )
  return { light: () => writeFileSync(fuse, ''), quench: () => rmSync(fuse) }
}

long(
  'workers that exit as soon as they are ready are started again at a bounded rate, and recover',
  async (sandbox) => {
    const fuse = lightFuse(sandbox)
    const server = await sandbox.serve()
    const [cpuBefore, startedAt] = [cpuMsOf(server.pid), performance.now()]
    fuse.light()
    await Bun.sleep(30_000)
    const { restarts = Infinity, health } = (await sandbox.status()) ?? {}
    const cpuShare = (cpuMsOf(server.pid) - cpuBefore) / (performance.now() - startedAt)
    expect(server.running, 'the manager has ended').toBe(true)
    // The first crash of each of the four workers is no loop yet.
    expect(restarts, `${restarts} restarts`).toBeLessThanOrEqual(4 + 10)
    expect(health, `health is ${health}`).toBe('crash-loop')
    expect(cpuShare, `the manager used ${(cpuShare * 100).toFixed(1)} % of a processor`).toBeLessThan(0.05)
    fuse.quench()
    const healedMs = await timeUntil(async () => (await sandbox.status())?.readyWorkers === 4, 60_000)
    expect(healedMs, 'it did not recover within 60 s').toBeFinite()
    figure(`${restarts} restarts in 30 s, manager ${(cpuShare * 100).toFixed(1)} % of a processor`)
    figure(`all workers back ${(healedMs / 1000).toFixed(1)} s after the cause was gone`)
  },
)

short(
  'a very first start that fails says why, once, with the exit code that names the kind',
  async (sandbox) => {
    sandbox.deploy('bad', "throw new Error('the database moved')")
    const thrown = await sandbox.run('start', sandbox.app, '--port', `${sandbox.port}`)
    const told = thrown.stderr.split('the database moved').length - 1
    expect(thrown.code, `a module that throws ended with ${thrown.code}`).toBe(4)
    expect(told >= 1 && told <= 2, `the error is told ${told} times:\n${thrown.stderr}`).toBe(true)
    sandbox.deploy('bad', 'setTimeout(() => process.exit(1), 0); await Bun.sleep(100)')
    const exited = await sandbox.run('start', sandbox.app, '--port', `${sandbox.port}`)
    expect(exited.code, `an exit before it was ready ended with ${exited.code}`).toBe(3)
    sandbox.deploy('bad', "console.error('the queue moved'); await 0; process.exit(2)")
    const said = await sandbox.run('start', sandbox.app, '--port', `${sandbox.port}`)
    expect(said.stderr.split('the queue moved').length, `what it said is told as:\n${said.stderr}`).toBe(2)
    expect(await sandbox.timeUntilGone(2000), 'a process is left').toBeLessThan(2000)
    figure(
      `exit ${thrown.code} after ${Math.round(thrown.tookMs)} ms, exit ${exited.code} after ${Math.round(exited.tookMs)} ms`,
    )
  },
)

long('a crash loop in development ends with the file that fixes it', async (sandbox) => {
  await sandbox.serve({ mode: 'dev', workers: 2 })
  sandbox.deploy('bad', 'setTimeout(() => process.exit(1), 400)')
  await until('the crash loop is known', async () => (await sandbox.status())?.health === 'crash-loop')
  const startedAt = performance.now()
  sandbox.deploy('fixed')
  const ms = await timeUntil(async () => (await sandbox.version()) === 'fixed', 10_000)
  expectWithin(1000, ms, `served after ${ms} ms`)
  await until('all are ready', async () => (await sandbox.status())?.readyWorkers === 2)
  figure(`served ${Math.round(performance.now() - startedAt)} ms after the write`)
})

/** Expects that one stuck worker alone is replaced, after the time that proves it. */
async function expectReplaced(sandbox: ReleaseSandbox, stuck: number): Promise<void> {
  const others = (await sandbox.workerPids()).filter((pid) => pid !== stuck)
  const ms = await timeUntil(() => !isAlive(stuck), 30_000)
  expect(ms >= STUCK_AFTER_MS - 2500 && ms <= STUCK_LIMIT_MS, `replaced after ${Math.round(ms)} ms`).toBe(
    true,
  )
  await until('all are ready again', async () => (await sandbox.status())?.readyWorkers === 4)
  const now = await sandbox.workerPids()
  expect(
    others.every((pid) => now.includes(pid)),
    'another worker was replaced, too',
  ).toBe(true)
  figure(`replaced after ${(ms / 1000).toFixed(1)} s`)
}

long(
  'a worker whose event loop is blocked is replaced, with the stack that blocked it in the log',
  async (sandbox) => {
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
    await expectReplaced(sandbox, victim)
    const killedAt = performance.now()
    figure(`the blocking request itself: ${await blocking}`)
    await until('its end is told', () => server.stderr.includes('event loop'))
    expect(server.stderr, 'the log does not name the function that blocked it').toMatch(/\bburn\b/)
    const report = await load.stop()
    const inside = failures.filter(({ endedAt }) => Math.abs(endedAt - killedAt) < 1000)
    const elsewhere = failures.length - inside.length
    expect(elsewhere, `${elsewhere} others failed: ${report.examples.join('; ')}`).toBe(0)
    // Requests inside the blocked worker when it is killed have to be answered with 502.
    expect(inside.length, `${inside.length} of ${report.sent} were lost with it`).toBeLessThan(
      report.sent / 100,
    )
    figure(`${elsewhere} of ${report.sent} failed at other workers`)
    figure(`${inside.length} were already inside the blocked one: ${methodsOf(inside)}`)
  },
)

const methodsOf = (outcomes: readonly LoadOutcome[]): string =>
  outcomes.map(({ request }) => askedBy(request)).join(', ') || '–'

/** The worker that uses the most processor time over half a second. */
async function busyWorker(pids: readonly number[]): Promise<number> {
  const before = new Map(pids.map((pid) => [pid, cpuMsOf(pid)]))
  await Bun.sleep(500)
  const used = (pid: number): number => cpuMsOf(pid) - (before.get(pid) ?? 0)
  return pids.toSorted((a, b) => used(b) - used(a))[0] ?? 0
}

long('a worker that waits is not taken for stuck', async (sandbox) => {
  await sandbox.serve()
  const before = await sandbox.workerPids()
  const { status } = await sandbox.get('/sleep?ms=25000')
  const after = await sandbox.workerPids()
  expect(status, `the request got ${status}`).toBe(200)
  expect(before.join(), 'a worker was replaced').toBe(after.join())
  figure('answered with 200 after 25 s, no worker replaced')
})

long('a manager that was suspended under load replaces no worker when it goes on', async (sandbox) => {
  const server = await sandbox.serve()
  const before = await sandbox.workerPids()
  const load = sandbox.startLoad()
  server.kill('SIGSTOP')
  await Bun.sleep(25_000)
  server.kill('SIGCONT')
  await Bun.sleep(4000)
  const after = await sandbox.workerPids()
  expect(before.join(), 'a worker was replaced').toBe(after.join())
  expectNothingFailed(await load.stop())
})

long('a worker that was stopped by a signal is replaced', async (sandbox) => {
  await sandbox.serve()
  const [victim = 0] = await sandbox.workerPids()
  process.kill(victim, 'SIGSTOP')
  await expectReplaced(sandbox, victim)
  const versions = await Promise.all(Array.from({ length: 40 }, () => sandbox.version()))
  expect(
    versions.every((version) => version === 'v0'),
    'a request was not answered afterwards',
  ).toBe(true)
})

short(
  'requests that run when the manager is killed are answered, and then nothing is left',
  async (sandbox) => {
    const server = await sandbox.serve()
    const running = Array.from({ length: 20 }, () =>
      sandbox.get('/sleep?ms=1500').then(({ status }) => status),
    )
    await Bun.sleep(300)
    server.kill('SIGKILL')
    const settled = await Promise.allSettled(running)
    const answered = settled.filter((result) => result.status === 'fulfilled' && result.value === 200).length
    expect(answered, `${20 - answered} of 20 requests that ran were lost`).toBe(20)
    const ms = await sandbox.timeUntilGone(10_000)
    expectWithin(5000, ms, `processes are left ${ms} ms after the last answer`)
    expect(await sandbox.accepts(), 'somebody still listens').toBe(false)
    figure(`${answered} of 20 running requests answered, all gone ${Math.round(ms)} ms after the last`)
  },
)

long('a start right after the manager was killed takes less than two seconds', async (sandbox) => {
  const tookMs: number[] = []
  for (let n = 0; n < 50; n++) {
    const startedAt = performance.now()
    const server = await sandbox.serve({ workers: 2 })
    tookMs.push(performance.now() - startedAt)
    server.kill('SIGKILL')
    await server.exited()
  }
  expectWithin(2000, Math.max(...tookMs), `a start took ${Math.round(Math.max(...tookMs))} ms`)
  figure(
    `50 starts, median ${Math.round(quantile(tookMs, 0.5))} ms, longest ${Math.round(Math.max(...tookMs))} ms`,
  )
})

/** Sets the limit of open descriptors of a running process; see prlimit(1). */
function limitDescriptors(pid: number, count: number): void {
  const { success, stderr } = Bun.spawnSync(['prlimit', '--pid', `${pid}`, `--nofile=${count}:`])
  if (!success) throw new Error(`prlimit: ${stderr.toString()}`)
}

long('a reload for which no process can be started is refused and says why', async (sandbox) => {
  const server = await sandbox.serve()
  const before = await sandbox.workerPids()
  const load = sandbox.startLoad()
  const allowed = descriptorsOf(server.pid)
  limitDescriptors(server.pid, allowed + 2)
  sandbox.deploy('r1')
  const refused = await sandbox.reload()
  expect(refused.code, 'the reload claims to have worked').not.toBe(0)
  expect(server.running, 'the manager has ended').toBe(true)
  expect(refused.stderr, `it says: ${refused.stderr.trim()}`).toMatch(/EMFILE|EAGAIN|ENFILE|descriptor/i)
  limitDescriptors(server.pid, 4096)
  const worked = await sandbox.reload()
  expect(worked.code, `afterwards a reload ended with ${worked.code}: ${worked.stderr.trim()}`).toBe(0)
  expect(await sandbox.version(), 'the new release does not serve').toBe('r1')
  expect(before.length, 'not all workers were there').toBe(4)
  expectNothingFailed(await load.stop())
  figure(`exit ${refused.code}, then ${worked.code} once there was room again`)
})

long(
  'a manager without free descriptors says so once, ends nothing that serves, and stops in good order',
  async (sandbox) => {
    const server = await sandbox.serve()
    await until('all are ready', async () => (await sandbox.status())?.readyWorkers === 4)
    const before = await sandbox.workerPids()
    const load = sandbox.startLoad()
    limitDescriptors(server.pid, 4)
    // A balancer that is silent for ten seconds counts as stuck; it is asked in vain here, and answers everybody else.
    await Bun.sleep(20_000)
    const told = server.stderr.split('the manager has no file descriptor left').length - 1
    expect(told, `it is said ${told} times:\n${server.stderr}`).toBe(1)
    limitDescriptors(server.pid, 4096)
    await until('it answers again', async () => (await sandbox.status())?.readyWorkers === 4)
    expect(await sandbox.workerPids(), 'a worker was replaced').toEqual(before)
    expectNothingFailed(await load.stop())
    limitDescriptors(server.pid, 4)
    server.kill('SIGTERM')
    expect(await server.exited(), `it ended with:\n${server.stderr}`).toBe(0)
    expectWithin(2_000, await sandbox.timeUntilGone(10_000), 'processes are left')
  },
)

long('a worker without free descriptors is replaced, and no request is lost', async (sandbox) => {
  const server = await sandbox.serve()
  const [victim = 0] = await sandbox.workerPids()
  limitDescriptors(victim, descriptorsOf(victim))
  const load = sandbox.startLoad()
  const ms = await timeUntil(() => !isAlive(victim), 20_000)
  expect(ms, 'the worker was not replaced within 20 s').toBeFinite()
  expect(server.running && existsSync(sandbox.control()), 'the manager has ended').toBe(true)
  expectNothingFailed(await load.stop())
  figure(`replaced after ${(ms / 1000).toFixed(1)} s`)
})
