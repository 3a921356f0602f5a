import { dlopen } from 'bun:ffi'
import { describe, expect, test } from 'bun:test'
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ControlClient, type ManagerStatus } from '@rip/manager'
import { PROTOCOL_VERSION } from '@rip/worker/protocol'
import type { Outcomes, Targets } from '../fixtures/hostile/attempts.ts'
import { placeBun, Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 120_000
const SHOP = { uid: 54_321, gid: 54_322 }
const STRANGER = { uid: 65_534, gid: 65_534 }
const PAGE = fileURLToPath(new URL('../../../../docs/hostile-worker.md', import.meta.url))
const CERTIFICATES = fileURLToPath(
  new URL('../../../rip-balancer/test/listener/certificates/', import.meta.url),
)

/** A way to start the server. */
interface Way {
  readonly account?: { readonly uid: number; readonly gid: number }
  readonly options?: readonly string[]
}

const asRoot: Way = {}
const asUser: Way = { account: SHOP }
const withUser: Way = { options: ['--user', `${SHOP.uid}:${SHOP.gid}`] }

/** The attackers, with their columns in the table. */
const columns = [
  { title: 'a worker, started as root', way: asRoot, who: 'worker' },
  { title: 'a worker, started as a user (`User=`)', way: asUser, who: 'worker' },
  { title: 'a worker, started as root with `--user`', way: withUser, who: 'worker' },
  { title: 'a stranger, started as root', way: asRoot, who: 'stranger' },
  { title: 'a stranger, started as root with `--user`', way: withUser, who: 'stranger' },
] as const

describe.skipIf(process.getuid?.() !== 0)('somebody who tries everything', () => {
  test(
    'can do what docs/hostile-worker.md says, and nothing else',
    async () => {
      const found = new Map<Way, Readonly<Record<'worker' | 'stranger', Outcomes>>>()
      for (const way of [asRoot, asUser, withUser]) found.set(way, await outcomesOf(way))
      const results = columns.map(({ way, who }) => found.get(way)![who])
      const table = tableOf(results)
      if (process.env['RIP_WRITE_DOCS'] === '1') writeTable(table)
      expect(TABLE.exec(await readFile(PAGE, 'utf8'))?.[0]).toBe(`${table}\n`)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'cannot do what --user is meant to prevent, whatever the page says',
    async () => {
      const { worker, stranger } = await outcomesOf(withUser)
      const allowed = Object.keys(worker).filter((name) => worker[name] === null)
      expect(allowed.filter((name) => !isSignal(name))).toEqual([
        'connect to the socket where workers report',
        'connect where another worker takes published messages',
        'put something where workers meet',
        'read the code of the snapshot',
      ])
      const signals = Object.keys(worker).filter(isSignal)
      expect(signals.length).toBe(3)
      for (const name of signals) expect(worker[name] === null).toBe(landlockVersion() < SIGNALS_ARE_SCOPED)
      expect(Object.keys(stranger).filter((name) => stranger[name] === null)).toEqual([])
    },
    TEST_TIMEOUT_MS,
  )
})

async function outcomesOf(way: Way): Promise<Readonly<Record<'worker' | 'stranger', Outcomes>>> {
  await using sandbox = await Sandbox.create()
  const { folder } = sandbox
  chmodSync(folder, 0o755)
  await mkdir(join(folder, 'bin'))
  await placeBun(join(folder, 'bin/bun'))
  await mkdir(sandbox.runDirs)
  for (const ending of ['crt', 'key'])
    await copyFile(join(CERTIFICATES, `first.${ending}`), join(folder, `server.${ending}`))
  chmodSync(join(folder, 'server.key'), 0o600)
  if (way.account !== undefined) {
    for (const path of ['run', 'server.key']) chownSync(join(folder, path), way.account.uid, way.account.gid)
    sandbox.account = way.account
  }
  sandbox.variables = { PATH: `${join(folder, 'bin')}:${process.env['PATH']}` }
  sandbox.startFolder = folder
  const app = await sandbox.fixture('hostile')
  const tls = ['--tls-cert', 'server.crt', '--tls-key', 'server.key']
  const server = sandbox.launch(app, 'w:2', '0', '-b', '127.0.0.1', ...tls, ...(way.options ?? []))
  await server.ready()
  await until('all workers are ready', async () => (await statusOf(sandbox)).readyWorkers === 2)
  const targets = await targetsIn(sandbox, server)
  const worker = await byWorker(server, targets)
  const stranger = await byStranger(sandbox, targets)
  // After all attempts every process still serves.
  const after = await targetsIn(sandbox, server)
  expect([after.manager, after.balancer, after.other]).toEqual([
    targets.manager,
    targets.balancer,
    targets.other,
  ])
  return { worker, stranger }
}

/** Worker 1 attacks, so worker 2 is the other worker. */
async function byWorker(server: Server, targets: Targets): Promise<Outcomes> {
  const request = { method: 'POST', body: JSON.stringify(targets), keepalive: false }
  const socket = targets.ownSocket!
  // Sent by root, who may use its socket.
  const response = await fetch('http://localhost/', { ...request, unix: socket })
  expect(server.exitCode).toBeNull()
  return (await response.json()) as Outcomes
}

async function byStranger(sandbox: Sandbox, { ownSocket: _, ...targets }: Targets): Promise<Outcomes> {
  const child = Bun.spawn([join(sandbox.folder, 'bin/bun'), join(sandbox.folder, 'hostile/stranger.ts')], {
    ...STRANGER,
    cwd: '/',
    env: {},
    stdio: [new Blob([JSON.stringify(targets)]), 'pipe', 'inherit'],
  })
  return (await new Response(child.stdout).json()) as Outcomes
}

function runDirOf({ runDirs }: Sandbox): string {
  const base = join(runDirs, 'rip-server')
  return join(base, readdirSync(base)[0]!)
}

/** Asked at its socket, because commands of root do not believe a state file of another user. */
function statusOf(sandbox: Sandbox): Promise<ManagerStatus> {
  return new ControlClient(join(runDirOf(sandbox), 'control.sock')).status()
}

async function targetsIn(sandbox: Sandbox, server: Server): Promise<Targets> {
  const { workers, generation } = await statusOf(sandbox)
  const runDir = runDirOf(sandbox)
  const names = readdirSync(runDir, { recursive: true }).map(String)
  const path = (pattern: RegExp): string => {
    const name = names.find((each) => pattern.test(each))
    if (name === undefined) throw new Error(`nothing in ${names.join(', ')} is ${pattern}`)
    return join(runDir, name)
  }
  const socketOf = (slot: number): string => path(new RegExp(`^w${slot}\\..*sock$`))
  const balancer = await until('the balancer runs', async () => processNamed(sandbox, 'rip-balancer'))
  // The log does not exist before something is written.
  await fetch('http://localhost/', { unix: socketOf(2) })
  await until('there is a log', () => readdirSync(runDir).includes('log'))
  const copy = names.includes('balancer/tls.key') ? 'balancer/tls.key' : undefined
  const other = workers.find(({ slot }) => slot === 2)!.pid
  const targets: Targets = {
    runDir,
    control: join(runDir, 'control.sock'),
    admin: join(runDir, 'admin.sock'),
    links: join(runDir, 'links.sock'),
    otherBus: join(runDir, 'bus', `${other}.sock`),
    state: join(runDir, 'state.json'),
    lock: join(runDir, 'lock'),
    log: join(runDir, 'log'),
    key: join(sandbox.folder, 'server.key'),
    // Without a copy the balancer reads the original.
    keyOfBalancer: copy === undefined ? join(sandbox.folder, 'server.key') : join(runDir, copy),
    balancerConfig: path(/^(?:balancer\/)?balancer\.json$/),
    snapshotFile: path(new RegExp(`^snapshots/${generation}/files/`)),
    ownSocket: socketOf(1),
    otherSocket: socketOf(2),
    port: Number(new URL(server.url).port),
    manager: server.pid,
    balancer,
    other,
    protocolVersion: PROTOCOL_VERSION,
  }
  // Every target must exist, or no attacker could reach it.
  for (const value of Object.values(targets))
    if (typeof value === 'string') expect(existsSync(value)).toBe(true)
  return targets
}

async function processNamed(sandbox: Sandbox, name: string): Promise<number | undefined> {
  for (const pid of await sandbox.processes())
    if ((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(`bin/${name}\0`)) return pid
  return undefined
}

/** Workers of one user are protected from each other by the kernel: attempts with signals. */
const isSignal = (name: string): boolean => name.startsWith('send signals to another worker')
/** First version of Landlock with scoped signals, of Linux 6.12. */
const SIGNALS_ARE_SCOPED = 6

/** Results that differ on other kernels than the one the page was written on, with their mark in the table. */
function dependsOnKernel(
  name: string,
  title: string,
): { readonly mark: string; readonly here: boolean } | undefined {
  if (!title.startsWith('a worker')) return undefined
  if (isSignal(name) && title.includes('--user'))
    return { mark: ' (from Linux 6.12 on)', here: landlockVersion() >= SIGNALS_ARE_SCOPED }
  if (/^(?:open the memory|trace|take an open file)/.test(name) && title.includes('User='))
    return { mark: ' (unless `kernel.yama.ptrace_scope` forbids it)', here: !yamaForbids() }
  return undefined
}

function landlockVersion(): number {
  const { symbols } = dlopen('libc.so.6', {
    syscall: { args: ['i64', 'i64', 'i64', 'i64'], returns: 'i64' },
  })
  return Number(symbols.syscall(444, 0, 0, 1))
}

function yamaForbids(): boolean {
  try {
    return readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8').trim() !== '0'
  } catch {
    return false
  }
}

function tableOf(results: readonly Outcomes[]): string {
  const names = Object.keys(results[0]!)
  const rows = names.map((name) => [name, ...columns.map(({ title }, at) => cell(name, title, results[at]!))])
  const head = ['what it tries', ...columns.map(({ title }) => title)]
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => text.padEnd(widths[column]!)).join(' | ')} |`
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join(
    '\n',
  )
}

function cell(name: string, title: string, outcomes: Outcomes): string {
  if (!(name in outcomes)) return '–'
  const can = outcomes[name] === null
  const kernel = dependsOnKernel(name, title)
  // On the other kind of kernel the result is the opposite, and the mark says so.
  const shown = kernel === undefined || kernel.here ? can : !can
  return `${shown ? '**can**' : 'cannot'}${kernel?.mark ?? ''}`
}

/** The table of the page, alone. */
const TABLE = /^\| what it tries.*\n(?:\|.*\n)*/m

function writeTable(table: string): void {
  writeFileSync(PAGE, readFileSync(PAGE, 'utf8').replace(TABLE, `${table}\n`))
}
