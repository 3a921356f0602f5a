import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, timeUntil, until } from '../condition.ts'
import { stateOf } from '../process-facts.ts'
import type { BlackBoxScenario } from '../scenario.ts'

/** As the first process of a PID namespace, with its own view of /proc. */
const AS_PID_1 = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']

const S45: BlackBoxScenario = {
  id: 'S45',
  title: 'as PID 1, with an application that leaves 1,000 orphans',
  async run(sandbox, verdict) {
    sandbox.extendEntry(
      `if (VERSION === 'v0' && process.env['RIP_WORKER_ID'] === '1')
  for (let n = 0; n < 10; n++)
    Bun.spawn(['setsid', 'sh', '-c', 'i=0; while [ $i -lt 100 ]; do (sleep 0.2; exit $((3 + i % 2))) & i=$((i+1)); done'])`,
    )
    const server = await sandbox.serve({ wrapper: AS_PID_1 })
    await Bun.sleep(5000)
    const zombies = sandbox.descendants(server.pid).filter((pid) => stateOf(pid) === 'Z').length
    verdict.expect(zombies === 0, `${zombies} zombies after 5 s`)
    verdict.expect((await sandbox.version()) === 'v0', 'it does not serve any more')
    const restarts = (await sandbox.status())?.restarts
    verdict.expect(restarts === 0, `${restarts} workers were replaced`)
    const [first] = sandbox.descendants(server.pid)
    if (first !== undefined) process.kill(first, 'SIGTERM')
    const code = await server.exited()
    verdict.expect(code === 0, `TERM ended it with ${code}`)
    verdict.figure(`${zombies} zombies after 5 s, TERM ended it with ${code}`)
  },
}

const S46: BlackBoxScenario = {
  id: 'S46',
  title: 'stale files that name the pid of somebody else',
  async run(sandbox, verdict) {
    const killed = await sandbox.serve()
    const [oldPid, folder] = [killed.pid, join(sandbox.control(), '..')]
    killed.kill('SIGKILL')
    await until('it is gone', () => sandbox.processes().length === 0)
    const stranger = Bun.spawn(['sleep', '60'])
    try {
      const changed = rewritePid(folder, oldPid, stranger.pid)
      await sandbox.serve()
      const { code } = await sandbox.command('stop', sandbox.app)
      verdict.expect(code === 0, `stop ended with ${code}`)
      verdict.expect(isAlive(stranger.pid), 'the stranger was killed')
      verdict.figure(`${changed} stale files named a stranger, who lives`)
    } finally {
      stranger.kill('SIGKILL')
    }
  },
}

/** Makes every small file that names one pid name another; the number of files. */
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

const S47: BlackBoxScenario = {
  id: 'S47',
  title: 'a second instance of the same application, and one on the same port',
  async run(sandbox, verdict) {
    const first = await sandbox.serve()
    const before = await sandbox.workerPids()
    const second = await sandbox.command('start', sandbox.app, '--port', `${sandbox.port}`)
    verdict.expect(second.code === 6, `the same application ended with ${second.code}`)
    verdict.expect(second.tookMs <= 1000, `it took ${Math.round(second.tookMs)} ms`)
    verdict.expect(second.stderr.includes(`${first.pid}`), `the first pid is not named: ${second.stderr}`)
    const other = await sandbox.command('start', sandbox.app, '--name', 'other', '--port', `${sandbox.port}`)
    verdict.expect(other.code !== 0, 'another one took the same port')
    verdict.expect(other.stderr.includes(`${sandbox.port}`), `the port is not named: ${other.stderr}`)
    const after = await sandbox.workerPids()
    verdict.expect(before.join() === after.join(), 'a worker of the first one was replaced')
    verdict.figure(
      `exit ${second.code} after ${Math.round(second.tookMs)} ms; same port under another name: exit ${other.code}`,
    )
  },
}

const S48: BlackBoxScenario = {
  id: 'S48',
  title: 'the run directory is deleted while the server runs',
  async run(sandbox, verdict) {
    const server = await sandbox.serve()
    rmSync(join(sandbox.control(), '..'), { recursive: true })
    const at = await sandbox.command('status', sandbox.app)
    const clear = at.code === 0 || (at.code === 7 && at.stderr.trim() !== '')
    verdict.expect(clear, `status ended with ${at.code} at once: ${at.stderr.trim()}`)
    const healedMs = await timeUntil(
      async () => (await sandbox.version()) === 'v0' && (await sandbox.status())?.readyWorkers === 4,
      15_000,
    )
    verdict.expect(Number.isFinite(healedMs), `it has not recovered: ${server.stderr.trim()}`)
    const reload = await sandbox.reload()
    verdict.expect(reload.code === 0, `reload ended with ${reload.code}: ${reload.stderr.trim()}`)
    const stop = await sandbox.command('stop', sandbox.app)
    verdict.expect(stop.code === 0, `stop ended with ${stop.code}: ${stop.stderr.trim()}`)
    if (stop.code !== 0) server.kill('SIGTERM')
    const code = await server.exited()
    verdict.expect(code === 0, `the server ended with ${code}`)
    verdict.figure(`status ${at.code} at once, whole again after ${(healedMs / 1000).toFixed(1)} s`)
    verdict.figure(`then reload ${reload.code}, stop ${stop.code}`)
  },
}

const S49: BlackBoxScenario = {
  id: 'S49',
  title: 'two starts at the same instant',
  shortened: '40 times instead of 200',
  async run(sandbox, verdict) {
    let wrong = 0
    for (let n = 0; n < 40; n++) {
      const pair = [0, 1].map(() =>
        sandbox.launch('start', sandbox.app, '--port', `${sandbox.port}`, '--workers', '1', '--quiet'),
      )
      const loser = await Promise.race(
        pair.map(async (program) => ({ program, code: await program.exited() })),
      )
      const winner = pair.find((program) => program !== loser.program)
      const servesMs = await timeUntil(async () => (await sandbox.status())?.readyWorkers === 1, 5000)
      if (loser.code !== 6 || winner?.running !== true || !Number.isFinite(servesMs)) wrong++
      winner?.kill('SIGTERM')
      await winner?.exited()
    }
    verdict.expect(wrong === 0, `not exactly one won in ${wrong} of 40 rounds`)
    verdict.figure(`exactly one of two served in ${40 - wrong} of 40 rounds`)
  },
}

const S50: BlackBoxScenario = {
  id: 'S50',
  title: 'a run directory of 200 characters',
  async run(sandbox, verdict) {
    const path = join(sandbox.folder, 'r'.repeat(200 - sandbox.folder.length - 1))
    mkdirSync(path, { mode: 0o700 })
    const flags = ['--run-dir', path]
    const program = sandbox.launch('start', sandbox.app, '--port', `${sandbox.port}`, ...flags)
    const servesMs = await timeUntil(
      async () => !program.running || (await sandbox.version()) === 'v0',
      10_000,
    )
    verdict.expect(Number.isFinite(servesMs), 'it neither serves nor ends')
    if (!program.running) {
      verdict.expect(/characters|bytes|long|short/.test(program.stderr), `unclear: ${program.stderr.trim()}`)
      verdict.figure(`refused with exit ${await program.exited()}: ${program.stderr.trim().split('\n')[0]}`)
      return
    }
    const { code } = await sandbox.command('stop', ...flags)
    verdict.expect(code === 0, `stop ended with ${code}`)
    verdict.expect(!existsSync(join(path, 'control.sock')), 'a socket is left')
    verdict.figure('serves, and can be stopped')
  },
}

export const INSTANCES: readonly BlackBoxScenario[] = [S45, S46, S47, S48, S49, S50]
