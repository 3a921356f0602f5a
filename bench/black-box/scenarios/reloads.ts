import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Connection } from '../../chaos/client.ts'
import type { LoadOutcome } from '../../chaos/load.ts'
import { timeUntil, until } from '../condition.ts'
import type { Sandbox } from '../sandbox.ts'
import type { BlackBoxScenario } from '../scenario.ts'
import { expectNothingFailed } from '../load-verdict.ts'
import { upload } from '../upload.ts'
import type { Verdict } from '../verdict.ts'

/** Reloads a new release each time; all must be admitted. */
async function reloadRepeatedly(
  sandbox: Sandbox,
  verdict: Verdict,
  count: number,
  pauseMs: number,
): Promise<void> {
  const tookMs: number[] = []
  for (let n = 1; n <= count; n++) {
    sandbox.deploy(`r${n}`)
    const { code, stderr, tookMs: ms } = await sandbox.reload()
    verdict.expect(code === 0, `reload ${n} ended with ${code}: ${stderr.trim()}`)
    tookMs.push(ms)
    await Bun.sleep(pauseMs)
  }
  verdict.figure(
    `${count} reloads, median ${Math.round(tookMs.toSorted((a, b) => a - b)[count >> 1] ?? 0)} ms`,
  )
}

const S01: BlackBoxScenario = {
  id: 'S01',
  title: '100 reloads under load',
  shortened: '150 requests/s instead of 500; p99 is reported and not judged',
  async run(sandbox, verdict) {
    await sandbox.serve()
    const before = await sandbox.workerPids()
    const calm = sandbox.startLoad()
    await Bun.sleep(4000)
    const steady = await calm.stop()
    const load = sandbox.startLoad()
    await reloadRepeatedly(sandbox, verdict, 100, 300)
    const report = await load.stop()
    expectNothingFailed(verdict, report)
    const after = await sandbox.workerPids()
    verdict.expect(!after.some((pid) => before.includes(pid)), 'a worker of the first generation is left')
    verdict.figure(`p99 ${steady.p99Ms.toFixed(0)} ms at rest, ${report.p99Ms.toFixed(0)} ms during`)
  },
}

const S02: BlackBoxScenario = {
  id: 'S02',
  title: 'HUP; no request started after the switch is answered by old code',
  shortened: '20 signals, 150 requests/s',
  async run(sandbox, verdict) {
    const server = await sandbox.serve()
    const answers: { startedAt: number; version: string }[] = []
    const onOutcome = ({ request, startedAt, answer }: LoadOutcome): void => {
      if (answer === undefined || !request.path.startsWith('/?')) return
      answers.push({
        startedAt,
        version: (JSON.parse(answer.body.toString()) as { version: string }).version,
      })
    }
    const load = sandbox.startLoad({ onOutcome })
    const switches: { at: number; version: string }[] = []
    for (let n = 1; n <= 20; n++) {
      sandbox.deploy(`r${n}`)
      server.kill('SIGHUP')
      await until(
        `release ${n} is admitted`,
        async () => (await sandbox.status())?.reloads.admitted === n + 1,
      )
      switches.push({ at: performance.now(), version: `r${n}` })
      await Bun.sleep(300)
    }
    expectNothingFailed(verdict, await load.stop())
    const stale = answers.filter(({ startedAt, version }) => {
      const current = switches.findLast(({ at }) => at <= startedAt)
      return current !== undefined && releaseNumber(version) < releaseNumber(current.version)
    })
    verdict.expect(stale.length === 0, `${stale.length} answers of an older release`)
    verdict.figure(`${answers.length} answers with a version, ${stale.length} stale`)
  },
}

const releaseNumber = (version: string): number => Number(version.slice(1))

const S03: BlackBoxScenario = {
  id: 'S03',
  title: 'reloads while 32 requests of 5 s run all the time',
  shortened: '10 reloads, 1 s apart, 2 workers',
  async run(sandbox, verdict) {
    await sandbox.serve({ workers: 2 })
    let answered = 0
    let running = true
    const hold = async (): Promise<void> => {
      while (running) {
        const answer = await sandbox.get('/sleep?ms=5000')
        verdict.expect(answer.status === 200, `a long request got ${answer.status}`)
        await answer.text()
        answered++
      }
    }
    const load = sandbox.startLoad({ ratePerSecond: 50 })
    const holders = Array.from({ length: 32 }, hold)
    await reloadRepeatedly(sandbox, verdict, 10, 1000)
    running = false
    await Promise.all(holders)
    expectNothingFailed(verdict, await load.stop())
    verdict.figure(`${answered} long requests, none cut`)
  },
}

const S04: BlackBoxScenario = {
  id: 'S04',
  title: 'capacity while a slow release boots',
  shortened: 'boot of 2 s instead of 8 s, 3 reloads',
  async run(sandbox, verdict) {
    sandbox.deployWith('v0', 'await Bun.sleep(2000)')
    await sandbox.serve()
    const load = sandbox.startLoad()
    let fewest = Number.POSITIVE_INFINITY
    let sampling = true
    const sample = async (): Promise<void> => {
      while (sampling) {
        fewest = Math.min(fewest, (await sandbox.status())?.readyWorkers ?? 0)
        await Bun.sleep(20)
      }
    }
    const sampled = sample()
    for (let n = 1; n <= 3; n++) {
      sandbox.deployWith(`r${n}`, 'await Bun.sleep(2000)')
      const { code } = await sandbox.reload()
      verdict.expect(code === 0, `reload ${n} ended with ${code}`)
    }
    sampling = false
    await sampled
    expectNothingFailed(verdict, await load.stop())
    verdict.expect(fewest === 4, `only ${fewest} of 4 workers were ready`)
    verdict.figure(`never fewer than ${fewest} ready`)
  },
}

const S05: BlackBoxScenario = {
  id: 'S05',
  title: 'kept connections that clients never close',
  shortened: '16 connections, 20 reloads',
  async run(sandbox, verdict) {
    await sandbox.serve()
    let requests = 0
    let closes = 0
    let running = true
    const talk = async (): Promise<void> => {
      let connection = new Connection()
      await connection.connect('127.0.0.1', sandbox.port)
      while (running) {
        const answer = await connection.request({ method: 'GET', path: '/', keepAlive: true }, 'x', 10_000)
        verdict.expect(answer.status === 200, `status ${answer.status}`)
        requests++
        await Bun.sleep(20)
        if (connection.open) continue
        closes++
        connection = new Connection()
        await connection.connect('127.0.0.1', sandbox.port)
      }
      connection.close()
    }
    const talks = Array.from({ length: 16 }, talk)
    await reloadRepeatedly(sandbox, verdict, 20, 300)
    running = false
    const cut = (await Promise.allSettled(talks)).filter(({ status }) => status === 'rejected').length
    verdict.expect(cut === 0, `${cut} connections were cut`)
    verdict.expect(closes <= 16 * 20, `${closes} connections were closed`)
    verdict.figure(`${requests} requests, ${closes} connections closed by the server`)
  },
}

const S06: BlackBoxScenario = {
  id: 'S06',
  title: 'open WebSockets at a reload',
  shortened: '50 instead of 200',
  async run(sandbox, verdict) {
    await sandbox.serve()
    const open = async (): Promise<WebSocket> => {
      const socket = new WebSocket(`ws://127.0.0.1:${sandbox.port}/ws`)
      const opened = Promise.withResolvers<void>()
      socket.addEventListener('open', () => opened.resolve())
      socket.addEventListener('error', () => opened.reject(new Error('the WebSocket did not open')))
      await opened.promise
      return socket
    }
    const sockets = await Promise.all(Array.from({ length: 50 }, open))
    const codes = sockets.map((socket) => {
      const closed = Promise.withResolvers<number>()
      socket.addEventListener('close', ({ code }) => closed.resolve(code))
      return closed.promise
    })
    sandbox.deploy('r1')
    const { code } = await sandbox.reload()
    verdict.expect(code === 0, `the reload ended with ${code}`)
    const seen = await Promise.race([Promise.all(codes), Bun.sleep(40_000).then(() => [])])
    const proper = seen.filter((closeCode) => closeCode === 1012 || closeCode === 1001)
    verdict.expect(proper.length === 50, `close codes ${JSON.stringify([...new Set(seen)])}`)
    const again = await open()
    again.close()
    verdict.figure(`${proper.length} of 50 closed with ${[...new Set(proper)].join(', ')}; a new one opens`)
  },
}

const S07: BlackBoxScenario = {
  id: 'S07',
  title: 'chunked streams across a reload',
  shortened: '50 streams of 8 s instead of 20 s',
  async run(sandbox, verdict) {
    await sandbox.serve()
    const download = async (): Promise<string> => (await sandbox.get('/stream?ms=8000')).text()
    const streams = Promise.allSettled(Array.from({ length: 50 }, download))
    await Bun.sleep(1500)
    sandbox.deploy('r1')
    const { code } = await sandbox.reload()
    verdict.expect(code === 0, `the reload ended with ${code}`)
    const whole = (await streams).filter(
      (result) => result.status === 'fulfilled' && result.value === '0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n',
    )
    verdict.expect(whole.length === 50, `${50 - whole.length} streams were cut`)
    verdict.figure(`${whole.length} of 50 complete`)
  },
}

const S08: BlackBoxScenario = {
  id: 'S08',
  title: 'an upload that trickles while the reload starts',
  async run(sandbox, verdict) {
    await sandbox.serve()
    const sent = upload(sandbox.port, { bytes: 10_240, chunkBytes: 1024, everyMs: 1000 })
    await Bun.sleep(2000)
    sandbox.deploy('r1')
    const { code } = await sandbox.reload()
    verdict.expect(code === 0, `the reload ended with ${code}`)
    const answer = await sent
    verdict.expect(answer.startsWith('HTTP/1.1 200'), `answered ${answer.slice(0, 60) || 'nothing'}`)
    verdict.figure('10 KiB over 10 s answered with 200')
  },
}

const S15: BlackBoxScenario = {
  id: 'S15',
  title: 'two reloads 50 ms apart: the newest wins',
  async run(sandbox, verdict) {
    sandbox.deployWith('v0', 'await Bun.sleep(500)')
    await sandbox.serve()
    const before = (await sandbox.workerPids()).length
    let most = 0
    let sampling = true
    const sample = async (): Promise<void> => {
      while (sampling) {
        most = Math.max(most, (await sandbox.workerPids()).length)
        await Bun.sleep(10)
      }
    }
    const sampled = sample()
    sandbox.deployWith('r1', 'await Bun.sleep(500)')
    const first = sandbox.reload()
    await until('a worker tries r1', async () => (await sandbox.workerPids()).length > before)
    sandbox.deployWith('r2', 'await Bun.sleep(500)')
    const second = await sandbox.reload()
    const { code, stderr, stdout } = await first
    sampling = false
    await sampled
    verdict.expect(second.code === 0, `the second ended with ${second.code}: ${second.stderr.trim()}`)
    verdict.expect(
      /supersede|newer/i.test(stderr + stdout),
      `the first (${code}) says: ${(stderr + stdout).trim()}`,
    )
    verdict.expect((await sandbox.version()) === 'r2', `${await sandbox.version()} serves`)
    verdict.expect(most <= 8, `${most} workers at once`)
    verdict.figure(`first ended with ${code}, r2 serves, at most ${most} workers at once`)
  },
}

const S16: BlackBoxScenario = {
  id: 'S16',
  title: 'a good release does not wait for the time-out of a bad one',
  async run(sandbox, verdict) {
    await sandbox.serve()
    sandbox.deployWith('bad', 'await new Promise(() => setInterval(() => {}, 1000))')
    const bad = sandbox.reload()
    await Bun.sleep(1000)
    sandbox.deploy('good')
    const good = await sandbox.reload()
    verdict.expect(good.code === 0, `the good one ended with ${good.code}: ${good.stderr.trim()}`)
    verdict.expect(good.tookMs < 5000, `it took ${Math.round(good.tookMs)} ms`)
    verdict.expect((await sandbox.version()) === 'good', 'the good one does not serve')
    verdict.figure(
      `good one served after ${Math.round(good.tookMs)} ms; the bad one ended with ${(await bad).code}`,
    )
  },
}

const S17: BlackBoxScenario = {
  id: 'S17',
  title: 'SIGKILL of the candidate while it is proven',
  async run(sandbox, verdict) {
    await sandbox.serve()
    const load = sandbox.startLoad()
    const old = await sandbox.workerPids()
    sandbox.deployWith('r1', 'await Bun.sleep(1500)')
    const reload = sandbox.reload()
    let victim: number | undefined
    await until('a candidate boots', async () => {
      victim = (await sandbox.workerPids()).find((pid) => !old.includes(pid))
      return victim !== undefined
    })
    if (victim !== undefined) process.kill(victim, 'SIGKILL')
    const { code, stderr } = await reload
    const version = await sandbox.version()
    verdict.expect(code === 8 || code === 0, `the reload ended with ${code}: ${stderr.trim()}`)
    verdict.expect(version === (code === 0 ? 'r1' : 'v0'), `${version} serves after exit code ${code}`)
    expectNothingFailed(verdict, await load.stop())
    verdict.figure(`reload ended with ${code}, ${version} serves`)
  },
}

const S18: BlackBoxScenario = {
  id: 'S18',
  title: 'SIGKILL of the manager during the cut-over, then a start',
  shortened: '8 instants',
  async run(sandbox, verdict) {
    let server = await sandbox.serve()
    const tookMs: number[] = []
    for (let n = 1; n <= 8; n++) {
      sandbox.deploy(`r${n}`)
      const reload = sandbox.reload()
      await Bun.sleep(60 + Math.random() * 200)
      server.kill('SIGKILL')
      await Promise.all([server.exited(), reload])
      const startedAt = performance.now()
      server = await sandbox.serve()
      tookMs.push(performance.now() - startedAt)
      const version = await sandbox.version()
      verdict.expect(version === `r${n}`, `${version} serves after start ${n}`)
    }
    const workers = await sandbox.workerPids()
    const settledMs = await timeUntil(() => sandbox.processes().length <= workers.length + 2, 5000)
    verdict.expect(Number.isFinite(settledMs), `${sandbox.processes().length} processes for 4 workers`)
    verdict.expect(Math.max(...tookMs) <= 2000, `a start took ${Math.round(Math.max(...tookMs))} ms`)
    verdict.figure(`start took ${Math.round(Math.max(...tookMs))} ms at most, no process left over`)
  },
}

const S13: BlackBoxScenario = {
  id: 'S13',
  title: 'a release that is healthy and answers every other request with 500',
  async run(sandbox, verdict) {
    await sandbox.serve({ flags: ['--health', '/up'] })
    const events = sandbox.launch('events', sandbox.app)
    const load = sandbox.startLoad()
    await Bun.sleep(2000)
    const source = "export const VERSION = 'bad'\nexport const unwell = true\n"
    sandbox.extendEntry(`import * as release from './version.ts'
const well = ROUTES['/']
if ('unwell' in release)
  Object.assign(ROUTES, { '/': (query: URLSearchParams, request: Request) =>
    Number(query.get('n')) % 2 === 0 ? new Response('no', { status: 500 }) : well?.(query, request) })`)
    writeFileSync(join(sandbox.app, 'version.ts'), source)
    const { code } = await sandbox.reload()
    const cutAt = performance.now()
    verdict.expect(code === 0, `the reload ended with ${code}`)
    await until('it is taken back', () => events.stdout.includes('rolled-back'), 30_000)
    const backMs = performance.now() - cutAt
    const report = await load.stop()
    events.kill('SIGTERM')
    verdict.expect((await sandbox.version()) === 'v0', `${await sandbox.version()} serves`)
    verdict.expect(
      report.failed === (report.failures.status ?? 0),
      `lost: ${JSON.stringify(report.failures)}`,
    )
    verdict.expect(report.failed <= 400, `${report.failed} bad answers`)
    verdict.figure(
      `taken back after ${(backMs / 1000).toFixed(1)} s and ${report.failed} bad answers, none lost`,
    )
  },
}

const S20: BlackBoxScenario = {
  id: 'S20',
  title: 'the whole server is replaced by a new process under load',
  shortened: '5 times',
  async run(sandbox, verdict) {
    await sandbox.serve()
    const load = sandbox.startLoad()
    for (let n = 0; n < 5; n++) {
      const before = (await sandbox.status())?.pid
      const { code, stderr } = await sandbox.command('restart', sandbox.app, '--manager')
      verdict.expect(code === 0, `restart --manager ended with ${code}: ${stderr.trim()}`)
      await until('another process answers', async () => {
        const pid = (await sandbox.status())?.pid
        return pid !== undefined && pid !== before
      })
    }
    expectNothingFailed(verdict, await load.stop())
  },
}

const S21: BlackBoxScenario = {
  id: 'S21',
  title: 'rollback under load',
  async run(sandbox, verdict) {
    await sandbox.serve()
    const load = sandbox.startLoad()
    sandbox.deploy('r1')
    const reload = await sandbox.reload()
    verdict.expect(reload.code === 0, `the reload ended with ${reload.code}`)
    const { code, stderr, tookMs } = await sandbox.command('rollback', sandbox.app)
    verdict.expect(code === 0, `rollback ended with ${code}: ${stderr.trim()}`)
    verdict.expect((await sandbox.version()) === 'v0', `${await sandbox.version()} serves`)
    expectNothingFailed(verdict, await load.stop())
    verdict.figure(`rolled back in ${Math.round(tookMs)} ms`)
  },
}

export const RELOADS: readonly BlackBoxScenario[] = [
  S01,
  S02,
  S03,
  S04,
  S05,
  S06,
  S07,
  S08,
  S13,
  S15,
  S16,
  S17,
  S18,
  S20,
  S21,
]
