import { expect } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { descendantsOf, isAlive, stateOf, timeUntil, until } from '@rip/testing'
import { expectWithin, figure, long, short } from './scenario.ts'

/** As the first process of a PID namespace, with its own view of /proc. */
const AS_PID_1 = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']

long('as PID 1 the server reaps orphans by the thousand', async (sandbox) => {
  sandbox.extendEntry(
    `if (VERSION === 'v0' && process.env['RIP_WORKER_ID'] === '1')
  for (let n = 0; n < 10; n++)
    Bun.spawn(['setsid', 'sh', '-c', 'i=0; while [ $i -lt 100 ]; do (sleep 0.2; exit $((3 + i % 2))) & i=$((i+1)); done'])`,
  )
  const server = await sandbox.serve({ wrapper: AS_PID_1 })
  await Bun.sleep(5000)
  const zombies = descendantsOf(server.pid).filter((pid) => stateOf(pid) === 'Z').length
  expect(zombies, `${zombies} zombies after 5 s`).toBe(0)
  expect(await sandbox.version(), 'it does not serve any more').toBe('v0')
  const restarts = (await sandbox.status())?.restarts
  expect(restarts, `${restarts} workers were replaced`).toBe(0)
  const [first] = descendantsOf(server.pid)
  if (first !== undefined) process.kill(first, 'SIGTERM')
  const code = await server.exited()
  expect(code, `TERM ended it with ${code}`).toBe(0)
  figure(`${zombies} zombies after 5 s, TERM ended it with ${code}`)
})

short('stale files that name the pid of a stranger do not get the stranger killed', async (sandbox) => {
  const killed = await sandbox.serve()
  const [oldPid, folder] = [killed.pid, join(sandbox.control(), '..')]
  killed.kill('SIGKILL')
  await until('it is gone', async () => (await sandbox.processes()).length === 0)
  const stranger = Bun.spawn(['sleep', '60'])
  try {
    const changed = rewritePid(folder, oldPid, stranger.pid)
    await sandbox.serve()
    const { code } = await sandbox.run('stop', sandbox.app)
    expect(code, `stop ended with ${code}`).toBe(0)
    expect(isAlive(stranger.pid), 'the stranger was killed').toBe(true)
    figure(`${changed} stale files named a stranger, who lives`)
  } finally {
    stranger.kill('SIGKILL')
  }
})

/** Replaces one pid by another in all small files; returns the number of files. */
function rewritePid(folder: string, from: number, to: number): number {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
  let changed = 0
  for (const { name } of files) {
    const path = join(folder, name)
    const text = readFileSync(path, 'utf8')
    if (!new RegExp(`\\b${from}\\b`).test(text)) continue
    writeFileSync(path, text.replaceAll(new RegExp(`\\b${from}\\b`, 'g'), String(to)))
    changed++
  }
  return changed
}

short(
  'a second instance of the same application, or one on the same port, is refused by name',
  async (sandbox) => {
    const first = await sandbox.serve()
    const before = await sandbox.workerPids()
    const second = await sandbox.run('start', sandbox.app, '--port', `${sandbox.port}`)
    expect(second.code, `the same application ended with ${second.code}`).toBe(6)
    expectWithin(1000, second.tookMs, `it took ${Math.round(second.tookMs)} ms`)
    expect(second.stderr, `the first pid is not named: ${second.stderr}`).toContain(`${first.pid}`)
    const other = await sandbox.run('start', sandbox.app, '--name', 'other', '--port', `${sandbox.port}`)
    expect(other.code, 'another one took the same port').not.toBe(0)
    expect(other.stderr, `the port is not named: ${other.stderr}`).toContain(`${sandbox.port}`)
    const after = await sandbox.workerPids()
    expect(before.join(), 'a worker of the first one was replaced').toBe(after.join())
    figure(
      `exit ${second.code} after ${Math.round(second.tookMs)} ms; same port under another name: exit ${other.code}`,
    )
  },
)

long('a server whose run directory is deleted makes it again and recovers', async (sandbox) => {
  const server = await sandbox.serve()
  rmSync(join(sandbox.control(), '..'), { recursive: true })
  const at = await sandbox.run('status', sandbox.app)
  const clear = at.code === 0 || (at.code === 7 && at.stderr.trim() !== '')
  expect(clear, `status ended with ${at.code} at once: ${at.stderr.trim()}`).toBe(true)
  const healedMs = await timeUntil(
    async () => (await sandbox.version()) === 'v0' && (await sandbox.status())?.readyWorkers === 4,
    15_000,
  )
  expect(healedMs, `it has not recovered: ${server.stderr.trim()}`).toBeFinite()
  const reload = await sandbox.reload()
  expect(reload.code, `reload ended with ${reload.code}: ${reload.stderr.trim()}`).toBe(0)
  const stop = await sandbox.run('stop', sandbox.app)
  expect(stop.code, `stop ended with ${stop.code}: ${stop.stderr.trim()}`).toBe(0)
  if (stop.code !== 0) server.kill('SIGTERM')
  const code = await server.exited()
  expect(code, `the server ended with ${code}`).toBe(0)
  figure(`status ${at.code} at once, whole again after ${(healedMs / 1000).toFixed(1)} s`)
  figure(`then reload ${reload.code}, stop ${stop.code}`)
})

long('of two starts at the same instant exactly one serves', async (sandbox) => {
  let wrong = 0
  for (let n = 0; n < 40; n++) {
    const pair = [0, 1].map(() =>
      sandbox.launch('start', sandbox.app, '--port', `${sandbox.port}`, '--workers', '1', '--quiet'),
    )
    const loser = await Promise.race(pair.map(async (program) => ({ program, code: await program.exited() })))
    const winner = pair.find((program) => program !== loser.program)
    const servesMs = await timeUntil(async () => (await sandbox.status())?.readyWorkers === 1, 5000)
    if (loser.code !== 6 || winner?.running !== true || !Number.isFinite(servesMs)) wrong++
    winner?.kill('SIGTERM')
    await winner?.exited()
  }
  expect(wrong, `not exactly one won in ${wrong} of 40 rounds`).toBe(0)
  figure(`exactly one of two served in ${40 - wrong} of 40 rounds`)
})

long(
  'a run directory with a path of 200 characters serves, or is refused with the reason',
  async (sandbox) => {
    const path = join(sandbox.folder, 'r'.repeat(200 - sandbox.folder.length - 1))
    mkdirSync(path, { mode: 0o700 })
    const flags = ['--run-dir', path]
    const program = sandbox.launch('start', sandbox.app, '--port', `${sandbox.port}`, ...flags)
    const servesMs = await timeUntil(
      async () => !program.running || (await sandbox.version()) === 'v0',
      10_000,
    )
    expect(servesMs, 'it neither serves nor ends').toBeFinite()
    if (!program.running) {
      expect(program.stderr, `unclear: ${program.stderr.trim()}`).toMatch(/characters|bytes|long|short/)
      figure(`refused with exit ${await program.exited()}: ${program.stderr.trim().split('\n')[0]}`)
      return
    }
    const { code } = await sandbox.run('stop', ...flags)
    expect(code, `stop ended with ${code}`).toBe(0)
    expect(existsSync(join(path, 'control.sock')), 'a socket is left').toBe(false)
    figure('serves, and can be stopped')
  },
)
