import { expect } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Connection, type LoadOutcome, median, type ReleaseSandbox, timeUntil, until } from '@rip/testing'
import { expectWithin, figure, long, short } from './scenario.ts'
import { expectNothingFailed } from './expect-nothing-failed.ts'
import { upload } from './upload.ts'

/** Reloads a new release each time; all must serve. */
async function reloadRepeatedly(sandbox: ReleaseSandbox, count: number, pauseMs: number): Promise<void> {
  const tookMs: number[] = []
  for (let n = 1; n <= count; n++) {
    sandbox.deploy(`r${n}`)
    const { code, stderr, tookMs: ms } = await sandbox.reload()
    expect(code, `reload ${n} ended with ${code}: ${stderr.trim()}`).toBe(0)
    tookMs.push(ms)
    await Bun.sleep(pauseMs)
  }
  figure(`${count} reloads, median ${Math.round(median(tookMs))} ms`)
}

long(
  'a hundred reloads under load lose no request, and leave no worker of the first generation',
  async (sandbox) => {
    await sandbox.serve()
    const before = await sandbox.workerPids()
    const calm = sandbox.startLoad()
    await Bun.sleep(4000)
    const steady = await calm.stop()
    const load = sandbox.startLoad()
    await reloadRepeatedly(sandbox, 100, 300)
    const report = await load.stop()
    expectNothingFailed(report)
    const after = await sandbox.workerPids()
    expect(
      after.some((pid) => before.includes(pid)),
      'a worker of the first generation is left',
    ).toBe(false)
    figure(`p99 ${steady.p99Ms.toFixed(0)} ms at rest, ${report.p99Ms.toFixed(0)} ms during`)
  },
)

long(
  'no request that was sent after a HUP has taken effect is answered by the previous release',
  async (sandbox) => {
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
    expectNothingFailed(await load.stop())
    const stale = answers.filter(({ startedAt, version }) => {
      const current = switches.findLast(({ at }) => at <= startedAt)
      return current !== undefined && releaseNumber(version) < releaseNumber(current.version)
    })
    expect(stale.length, `${stale.length} answers of an older release`).toBe(0)
    figure(`${answers.length} answers with a version, ${stale.length} stale`)
  },
)

const releaseNumber = (version: string): number => Number(version.slice(1))

long('reloads cut none of the requests of five seconds that run all the time', async (sandbox) => {
  await sandbox.serve({ workers: 2 })
  let answered = 0
  let running = true
  const hold = async (): Promise<void> => {
    while (running) {
      const answer = await sandbox.get('/sleep?ms=5000')
      expect(answer.status, `a long request got ${answer.status}`).toBe(200)
      await answer.text()
      answered++
    }
  }
  const load = sandbox.startLoad({ ratePerSecond: 50 })
  const holders = Array.from({ length: 32 }, hold)
  await reloadRepeatedly(sandbox, 10, 1000)
  running = false
  await Promise.all(holders)
  expectNothingFailed(await load.stop())
  figure(`${answered} long requests, none cut`)
})

long('there are never fewer workers than wanted while a slow release boots', async (sandbox) => {
  sandbox.deploy('v0', 'await Bun.sleep(2000)')
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
    sandbox.deploy(`r${n}`, 'await Bun.sleep(2000)')
    const { code } = await sandbox.reload()
    expect(code, `reload ${n} ended with ${code}`).toBe(0)
  }
  sampling = false
  await sampled
  expectNothingFailed(await load.stop())
  expect(fewest, `only ${fewest} of 4 workers were ready`).toBe(4)
  figure(`never fewer than ${fewest} ready`)
})

long(
  'connections that clients keep and never close outlast reloads, or are closed between two requests',
  async (sandbox) => {
    await sandbox.serve()
    let requests = 0
    let closes = 0
    let running = true
    const talk = async (): Promise<void> => {
      let connection = new Connection()
      await connection.connect('127.0.0.1', sandbox.port)
      while (running) {
        const answer = await connection.request({ method: 'GET', path: '/', keepAlive: true }, 'x', 10_000)
        expect(answer.status, `status ${answer.status}`).toBe(200)
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
    await reloadRepeatedly(sandbox, 20, 300)
    running = false
    const cut = (await Promise.allSettled(talks)).filter(({ status }) => status === 'rejected').length
    expect(cut, `${cut} connections were cut`).toBe(0)
    expect(closes, `${closes} connections were closed`).toBeLessThanOrEqual(16 * 20)
    figure(`${requests} requests, ${closes} connections closed by the server`)
  },
)

long('a reload closes WebSockets with a code that says to come again', async (sandbox) => {
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
  expect(code, `the reload ended with ${code}`).toBe(0)
  const seen = await Promise.race([Promise.all(codes), Bun.sleep(40_000).then(() => [])])
  const proper = seen.filter((closeCode) => closeCode === 1012 || closeCode === 1001)
  expect(proper.length, `close codes ${JSON.stringify([...new Set(seen)])}`).toBe(50)
  const again = await open()
  again.close()
  figure(`${proper.length} of 50 closed with ${[...new Set(proper)].join(', ')}; a new one opens`)
})

long('streams of eight seconds are whole although the release changes meanwhile', async (sandbox) => {
  await sandbox.serve()
  const download = async (): Promise<string> => (await sandbox.get('/stream?ms=8000')).text()
  const streams = Promise.allSettled(Array.from({ length: 50 }, download))
  await Bun.sleep(1500)
  sandbox.deploy('r1')
  const { code } = await sandbox.reload()
  expect(code, `the reload ended with ${code}`).toBe(0)
  const whole = (await streams).filter(
    (result) => result.status === 'fulfilled' && result.value === '0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n',
  )
  expect(whole.length, `${50 - whole.length} streams were cut`).toBe(50)
  figure(`${whole.length} of 50 complete`)
})

long('an upload that trickles while a reload starts is answered', async (sandbox) => {
  await sandbox.serve()
  const sent = upload(sandbox.port, { bytes: 10_240, chunkBytes: 1024, everyMs: 1000 })
  await Bun.sleep(2000)
  sandbox.deploy('r1')
  const { code } = await sandbox.reload()
  expect(code, `the reload ended with ${code}`).toBe(0)
  const answer = await sent
  expect(answer.startsWith('HTTP/1.1 200'), `answered ${answer.slice(0, 60) || 'nothing'}`).toBe(true)
  figure('10 KiB over 10 s answered with 200')
})

short('of two reloads shortly after one another the newest content wins', async (sandbox) => {
  sandbox.deploy('v0', 'await Bun.sleep(500)')
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
  sandbox.deploy('r1', 'await Bun.sleep(500)')
  const first = sandbox.reload()
  await until('a worker tries r1', async () => (await sandbox.workerPids()).length > before)
  sandbox.deploy('r2', 'await Bun.sleep(500)')
  const second = await sandbox.reload()
  const { code, stderr, stdout } = await first
  sampling = false
  await sampled
  expect(second.code, `the second ended with ${second.code}: ${second.stderr.trim()}`).toBe(0)
  expect(stderr + stdout, `the first (${code}) says: ${(stderr + stdout).trim()}`).toMatch(/supersede|newer/i)
  expect(await sandbox.version(), `${await sandbox.version()} serves`).toBe('r2')
  expect(most, `${most} workers at once`).toBeLessThanOrEqual(8)
  figure(`first ended with ${code}, r2 serves, at most ${most} workers at once`)
})

long('a good release does not wait for the boot timeout of a bad one', async (sandbox) => {
  await sandbox.serve()
  sandbox.deploy('bad', 'await new Promise(() => setInterval(() => {}, 1000))')
  const bad = sandbox.reload()
  await Bun.sleep(1000)
  sandbox.deploy('good')
  const good = await sandbox.reload()
  expect(good.code, `the good one ended with ${good.code}: ${good.stderr.trim()}`).toBe(0)
  expect(good.tookMs, `it took ${Math.round(good.tookMs)} ms`).toBeLessThan(5000)
  expect(await sandbox.version(), 'the good one does not serve').toBe('good')
  figure(`good one served after ${Math.round(good.tookMs)} ms; the bad one ended with ${(await bad).code}`)
})

short('a candidate that is killed while it is proven costs no request', async (sandbox) => {
  await sandbox.serve()
  const load = sandbox.startLoad()
  const old = await sandbox.workerPids()
  sandbox.deploy('r1', 'await Bun.sleep(1500)')
  const reload = sandbox.reload()
  let victim: number | undefined
  await until('a candidate boots', async () => {
    victim = (await sandbox.workerPids()).find((pid) => !old.includes(pid))
    return victim !== undefined
  })
  if (victim !== undefined) process.kill(victim, 'SIGKILL')
  const { code, stderr } = await reload
  const version = await sandbox.version()
  expect(code === 8 || code === 0, `the reload ended with ${code}: ${stderr.trim()}`).toBe(true)
  expect(version, `${version} serves after exit code ${code}`).toBe(code === 0 ? 'r1' : 'v0')
  expectNothingFailed(await load.stop())
  figure(`reload ended with ${code}, ${version} serves`)
})

long(
  'a start after the manager was killed during a cut serves the newest release and leaves no process over',
  async (sandbox) => {
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
      expect(version, `${version} serves after start ${n}`).toBe(`r${n}`)
    }
    const workers = await sandbox.workerPids()
    const settledMs = await timeUntil(
      async () => (await sandbox.processes()).length <= workers.length + 2,
      5000,
    )
    expect(settledMs, `${(await sandbox.processes()).length} processes for 4 workers`).toBeFinite()
    expectWithin(2000, Math.max(...tookMs), `a start took ${Math.round(Math.max(...tookMs))} ms`)
    figure(`start took ${Math.round(Math.max(...tookMs))} ms at most, no process left over`)
  },
)

long('a release that is healthy and answers every other request with 500 is taken back', async (sandbox) => {
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
  expect(code, `the reload ended with ${code}`).toBe(0)
  await until('it is taken back', () => events.stdout.includes('rolled-back'), 30_000)
  const backMs = performance.now() - cutAt
  const report = await load.stop()
  events.kill('SIGTERM')
  expect(await sandbox.version(), `${await sandbox.version()} serves`).toBe('v0')
  expect(report.failed, `lost: ${JSON.stringify(report.failures)}`).toBe(report.failures.status ?? 0)
  expect(report.failed, `${report.failed} bad answers`).toBeLessThanOrEqual(400)
  figure(`taken back after ${(backMs / 1000).toFixed(1)} s and ${report.failed} bad answers, none lost`)
})

long('the whole server is replaced by a new process under load without a lost request', async (sandbox) => {
  await sandbox.serve()
  const load = sandbox.startLoad()
  for (let n = 0; n < 5; n++) {
    const before = (await sandbox.status())?.pid
    const { code, stderr } = await sandbox.run('restart', sandbox.app, '--manager')
    expect(code, `restart --manager ended with ${code}: ${stderr.trim()}`).toBe(0)
    await until('another process answers', async () => {
      const pid = (await sandbox.status())?.pid
      return pid !== undefined && pid !== before
    })
  }
  expectNothingFailed(await load.stop())
})

short('a rollback under load loses no request', async (sandbox) => {
  await sandbox.serve()
  const load = sandbox.startLoad()
  sandbox.deploy('r1')
  const reload = await sandbox.reload()
  expect(reload.code, `the reload ended with ${reload.code}`).toBe(0)
  const { code, stderr, tookMs } = await sandbox.run('rollback', sandbox.app)
  expect(code, `rollback ended with ${code}: ${stderr.trim()}`).toBe(0)
  expect(await sandbox.version(), `${await sandbox.version()} serves`).toBe('v0')
  expectNothingFailed(await load.stop())
  figure(`rolled back in ${Math.round(tookMs)} ms`)
})
