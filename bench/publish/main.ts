/**
 * What workers publish to each other's WebSockets: messages a second and latency with 1, 2 and 4 workers and 1,000
 * subscribers over the balancer, against one plain Bun process in the same run; and ten reloads under traffic, of which
 * nothing may be lost but by clients that were told to connect again.
 *
 *   bun run bench publish [--subscribers 1000] [--workers 1,2,4] [--rounds 3] [--messages 300] [--rate 20] [--seconds 5]
 *                         [--reloads 10] [--program PATH] [--json FILE]
 *
 * `--program` measures the `rip-server` of another checkout. The exit code is 1 when a message was lost, came twice or out
 * of order, or a connection ended in another way.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort, median, timeUntil, TopicClients, type TopicReport } from '@rip/testing'
import { processTree, residentBytes } from '../proxy/process-usage.ts'

const OWN_PROGRAM = fileURLToPath(new URL('../../packages/rip-server-cli/bin/rip-server', import.meta.url))
const APP = fileURLToPath(new URL('../../testing/app/topics.ts', import.meta.url))
const CONFIG = 'export default { balancer: { limits: { connectionsPerAddress: 100_000 } } }\n'
const START_LIMIT_MS = 30_000
/** Messages of one request that publishes, in the measurement of throughput. */
const BURST = 25

const { values } = parseArgs({
  options: {
    subscribers: { type: 'string', default: '1000' },
    workers: { type: 'string', default: '1,2,4' },
    rounds: { type: 'string', default: '3' },
    messages: { type: 'string', default: '300' },
    rate: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '5' },
    reloads: { type: 'string', default: '10' },
    program: { type: 'string', default: OWN_PROGRAM },
    json: { type: 'string' },
  },
})

const subscribers = Number(values.subscribers)
const reloads = Number(values.reloads)
const folder = mkdtempSync(join(tmpdir(), 'rip-publish-'))

/** A server that is measured: one Bun process, or `rip-server` with so many workers. */
type Contender = 'plain Bun' | number

interface Figures {
  readonly messagesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Resident memory of all its processes, with all subscribers connected. */
  readonly memoryBytes: number
}

const contenders: readonly Contender[] = ['plain Bun', ...values.workers.split(',').map(Number)]
const figures = new Map<Contender, Figures[]>(contenders.map((contender) => [contender, []]))
const faults: string[] = []

await using owned = new AsyncDisposableStack()
owned.defer(() => rmSync(folder, { recursive: true, force: true }))

for (let round = 1; round <= Number(values.rounds); round++)
  for (const contender of contenders) figures.get(contender)!.push(await measure(contender, round))
for (const [contender, all] of figures)
  console.log(`${nameOf(contender).padEnd(12)} median: ${textOf(medians(all))}`)
const reloading = await reloadUnderTraffic(Math.max(...contenders.filter((each) => each !== 'plain Bun')))

for (const fault of faults) console.log(fault)
if (values.json !== undefined)
  writeFileSync(
    values.json,
    JSON.stringify({ figures: Object.fromEntries(figures), reloading, faults }, null, 2),
  )
process.exitCode = faults.length > 0 ? 1 : 0

async function measure(contender: Contender, round: number): Promise<Figures> {
  await using server = await start(contender)
  using clients = new TopicClients({ url: server.url, clients: subscribers })
  await clients.connect()
  // The first messages of a process are those that compile it.
  await publishFast(clients, 50)
  clients.report()
  const memoryBytes = residentBytes(processTree(server.pid))
  const startedAtMs = performance.now()
  await publishFast(clients, Number(values.messages))
  const seconds = (performance.now() - startedAtMs) / 1_000
  clients.report()
  await publishSteadily(clients, () => false, Number(values.seconds))
  await clients.settle()
  const report = clients.report()
  judge(nameOf(contender), report)
  const { p50Ms, p99Ms } = report
  const result = { messagesPerSecond: Number(values.messages) / seconds, p50Ms, p99Ms, memoryBytes }
  console.log(`${nameOf(contender).padEnd(12)} round ${round}: ${textOf(result)}`)
  return result
}

/** Resolves when all subscribers have all of them. */
async function publishFast(clients: TopicClients, messages: number): Promise<void> {
  const bursts = Array.from({ length: Math.ceil(messages / BURST) }, (_, at) =>
    Math.min(BURST, messages - at * BURST),
  )
  await Promise.all(bursts.map((count) => clients.publish(count)))
  await clients.settle()
}

/** At a fixed rate, whether or not earlier ones were received. */
async function publishSteadily(
  clients: TopicClients,
  isOver: () => boolean,
  seconds = Infinity,
): Promise<void> {
  const startedAtMs = performance.now()
  const everyMs = 1_000 / Number(values.rate)
  const running: Promise<void>[] = []
  for (let n = 0; n * everyMs < seconds * 1_000 && !isOver(); n++) {
    await Bun.sleep(Math.max(0, startedAtMs + n * everyMs - performance.now()))
    running.push(clients.publish())
  }
  await Promise.all(running)
}

async function reloadUnderTraffic(workers: number): Promise<TopicReport | undefined> {
  if (reloads === 0 || !Number.isFinite(workers)) return undefined
  await using server = await start(workers)
  using clients = new TopicClients({ url: server.url, clients: subscribers })
  await clients.connect()
  let isOver = false
  const publishing = publishSteadily(clients, () => isOver)
  for (let n = 1; n <= reloads; n++) {
    writeFileSync(join(server.app, 'version.ts'), `export const version = ${n}\n`)
    const code = await run('reload', server.app)
    if (code !== 0) faults.push(`reload ${n} ended with ${code}`)
  }
  isOver = true
  await publishing
  await clients.settle()
  const report = clients.report()
  judge(`${reloads} reloads`, report)
  console.log(
    `${reloads} reloads with ${workers} workers: ${report.published} messages, ${report.received} received, ` +
      `${report.lost} lost, ${report.disordered} out of order, ${report.reconnects} clients told to connect again`,
  )
  return report
}

function judge(name: string, { lost, disordered, failures }: TopicReport): void {
  if (lost > 0) faults.push(`${name}: ${lost} messages lost`)
  if (disordered > 0) faults.push(`${name}: ${disordered} messages out of order`)
  for (const failure of failures.slice(0, 10)) faults.push(`${name}: ${failure}`)
}

interface Running extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  readonly app: string
}

async function start(contender: Contender): Promise<Running> {
  const port = freePort()
  const app = mkdtempSync(join(folder, 'app-'))
  cpSync(APP, join(app, 'topics.ts'))
  writeFileSync(join(app, 'version.ts'), '')
  writeFileSync(join(app, 'index.ts'), "import './version.ts'\nexport { default } from './topics.ts'\n")
  writeFileSync(
    join(app, 'plain.ts'),
    `import app from './topics.ts'\nBun.serve({ ...app, port: ${port}, hostname: '127.0.0.1' })\n`,
  )
  writeFileSync(join(app, 'rip-server.config.ts'), CONFIG)
  const log = Bun.file(join(app, '..', `${port}.log`))
  const command =
    contender === 'plain Bun'
      ? [join(app, 'plain.ts')]
      : [
          values.program,
          'start',
          app,
          '-p',
          String(port),
          '-b',
          '127.0.0.1',
          '-w',
          String(contender),
          '--rollback-window',
          '1s',
        ]
  const child = Bun.spawn([process.execPath, ...command], { stdio: ['ignore', log, log], env: environment() })
  const url = `http://127.0.0.1:${port}`
  const end = async (): Promise<void> => {
    child.kill()
    await child.exited
  }
  if (Number.isFinite(await timeUntil(() => isServing(url), START_LIMIT_MS)))
    return { url, pid: child.pid, app, [Symbol.asyncDispose]: end }
  await end()
  throw new Error(await log.text())
}

async function run(...args: readonly string[]): Promise<number> {
  const stdio = ['ignore', 'ignore', 'inherit'] as const
  return Bun.spawn([process.execPath, values.program, ...args], { stdio: [...stdio], env: environment() })
    .exited
}

function environment(): Record<string, string | undefined> {
  const runDirs = join(folder, 'run')
  mkdirSync(runDirs, { recursive: true, mode: 0o700 })
  return { ...process.env, XDG_RUNTIME_DIR: runDirs, XDG_STATE_HOME: join(folder, 'state') }
}

function isServing(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )
}

function nameOf(contender: Contender): string {
  if (contender === 'plain Bun') return contender
  return contender === 1 ? '1 worker' : `${contender} workers`
}

function medians(all: readonly Figures[]): Figures {
  const of = (figure: keyof Figures): number => median(all.map((each) => each[figure]))
  return {
    messagesPerSecond: of('messagesPerSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    memoryBytes: of('memoryBytes'),
  }
}

function textOf({ messagesPerSecond, p50Ms, p99Ms, memoryBytes }: Figures): string {
  return (
    `${messagesPerSecond.toFixed(0)} messages/s to each of ${subscribers}, ` +
    `p50 ${p50Ms.toFixed(1)} p99 ${p99Ms.toFixed(1)} ms, ${(memoryBytes / 1_048_576).toFixed(0)} MiB`
  )
}
