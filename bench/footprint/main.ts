/**
 * Memory of a worker compared with bare Bun: programs that do one task of a worker each, then workers of `rip-server
 * start` with one route, idle for five seconds, for a minute, and after a thousand requests each.
 *
 *   bun run bench footprint
 *
 * Linux only. Prints the result and writes it to bench/results/footprint.json.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandOf, descendantsOf } from '@rip/testing'
import { RIP_PRODUCTION, Running } from '../latency/contender.ts'
import { type Step, steps } from './floor.ts'
import { median, type Memory, memoryOf } from './memory.ts'

const WORKERS = 4
const REQUESTS = 1_000
const IDLE_MS = 5_000
const LONG_IDLE_MS = 60_000
const RUNS = 3

const results: Record<string, Memory> = {}
const scratch = mkdtempSync(join(tmpdir(), 'rip-fp-'))
await using owned = new AsyncDisposableStack()
owned.defer(() => rmSync(scratch, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(
    signal,
    () => void owned.disposeAsync().then(() => process.exit(128 + constants.signals[signal])),
  )

const bare = await measureStep(steps[0]!)
tell(steps[0]!.does, bare)
for (const step of steps.slice(1)) tell(step.does, await measureStep(step))
await measureWorkers()
save()

function save(): void {
  const folder = fileURLToPath(new URL('../results/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'footprint.json'), `${JSON.stringify(results, null, 2)}\n`)
}

/** Runs several processes of the program at once, as there are several workers. */
async function measureStep({ code }: Step): Promise<Memory> {
  const home = mkdtempSync(join(scratch, 'step-'))
  const control = join(home, 'control')
  using _listener = Bun.listen({ unix: control, socket: { data() {} } })
  const program = join(home, 'program.js')
  const app = join(home, 'app.ts')
  writeFileSync(program, code)
  writeFileSync(app, '')
  const children = Array.from({ length: RUNS }, (_, run) =>
    Bun.spawn([process.execPath, program], {
      env: { APP: app, CONTROL: control, SOCKET: join(home, `${run}.sock`) },
      stdio: ['pipe', 'inherit', 'inherit'],
    }),
  )
  const end = async (): Promise<void> => {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map(({ exited }) => exited))
  }
  owned.defer(end)
  await Bun.sleep(IDLE_MS)
  const memory = median(children.map(({ pid }) => memoryOf(pid)))
  await end()
  return memory
}

async function measureWorkers(): Promise<void> {
  const running = owned.use(new Running(RIP_PRODUCTION, mkdtempSync(join(scratch, 'app-'))))
  await running.says('next ')
  const workers = descendantsOf(running.pid).filter((pid) => commandOf(pid).includes('rip-worker'))
  if (workers.length !== WORKERS) throw new Error(`there are ${workers.length} workers instead of ${WORKERS}`)
  const memory = (): Memory => median(workers.map(memoryOf))
  await Bun.sleep(IDLE_MS)
  tell('a worker of rip-server, idle for 5 s', memory())
  await Bun.sleep(LONG_IDLE_MS - IDLE_MS)
  tell('a worker of rip-server, idle for 60 s', memory())
  for (let request = 0; request < REQUESTS * WORKERS; request++)
    await (await fetch(`http://127.0.0.1:${running.port}/`)).text()
  await Bun.sleep(IDLE_MS)
  tell('a worker of rip-server, 5 s after 1,000 requests', memory())
}

function tell(what: string, memory: Memory): void {
  results[what] = memory
  const { rss, executable, pss, private: own } = memory
  const text = [
    `${megabytes(rss)} MB (+${megabytes(rss - bare.rss)})`,
    `${megabytes(executable)} MB of the executable`,
    `${megabytes(own)} MB private`,
    `PSS ${megabytes(pss)} MB`,
  ]
  console.log(`${what}: ${text.join(', ')}`)
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
