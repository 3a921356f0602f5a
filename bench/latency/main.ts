/**
 * Reaction times: from saving a file to the first answer of the new code, compared with `bun --hot` and `bun --watch`;
 * from the command to four ready workers; and from the SIGKILL of a worker to full capacity.
 *
 *   bun run bench latency [--saves 100] [--boots 20] [--kills 50] [--beside CHECKOUT]
 *
 * One save at a time, contenders in turn; --beside saves for the rip-server of another checkout, with its dependencies
 * installed, as well. Prints the result and writes it to bench/results/latency.json.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { commandOf, descendantsOf, quantile, timeUntil } from '@rip/testing'
import {
  BUN_HOT,
  BUN_WATCH,
  besides,
  type Contender,
  PATIENCE_MS,
  RIP_LANGUAGE,
  RIP_PRODUCTION,
  RIP_TYPESCRIPT,
  Running,
} from './contender.ts'

/** Pause between two saves: people do not save faster, and processes that prepare for the next save get their time. */
const PAUSE_MS = 800
/** Pause between two kills; closer ones look like a crash loop, after which workers start with delays. */
const KILL_PAUSE_MS = 1_000
const WORKERS = 4
/** Pause between two requests for the status. */
const LOOK_MS = 2

interface Figures {
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly max: number
}

const { values } = parseArgs({
  options: {
    saves: { type: 'string', default: '100' },
    boots: { type: 'string', default: '20' },
    kills: { type: 'string', default: '50' },
    beside: { type: 'string', multiple: true, default: [] },
  },
})

/** Requests without an answer of the application while a save was loaded. */
interface Lost {
  readonly refused: number
  readonly failed: number
}

const results: Record<string, Figures & Partial<Lost>> = {}
const launched = new Set<Running>()
const scratch = mkdtempSync(join(tmpdir(), 'rip-lat-'))
let leaving: Promise<never> | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => void (leaving ??= leave(signal)))

try {
  await measureSaves(Number(values.saves))
  await measureBoots(Number(values.boots))
  await measureKills(Number(values.kills))
  save()
} catch (error) {
  // A run that was interrupted by a signal fails because its servers are gone.
  if (leaving === undefined) throw error
  await leaving
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

function save(): void {
  const folder = fileURLToPath(new URL('../results/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'latency.json'), `${JSON.stringify(results, null, 2)}\n`)
}

async function leave(signal: 'SIGINT' | 'SIGTERM'): Promise<never> {
  await Promise.all([...launched].map((each) => each[Symbol.asyncDispose]()))
  rmSync(scratch, { recursive: true, force: true })
  process.exit(128 + constants.signals[signal])
}

function launch(contender: Contender, folder: string = mkdtempSync(join(scratch, 'app-'))): Running {
  if (leaving !== undefined) throw new Error('nothing is started any more')
  const running = new Running(contender, folder)
  launched.add(running)
  return running
}

async function measureSaves(saves: number): Promise<void> {
  if (saves === 0) return
  await using stack = new AsyncDisposableStack()
  const others = values.beside.flatMap((checkout) => besides(resolve(checkout)))
  const contenders = [RIP_TYPESCRIPT, RIP_LANGUAGE, ...others, BUN_HOT, BUN_WATCH]
  const running = contenders.map((each) => stack.use(launch(each)))
  for (const each of running) await each.ready()
  const tookMs = new Map(running.map((each) => [each, [] as number[]]))
  for (let save = 0; save < saves; save++) {
    for (const each of running) {
      await Bun.sleep(PAUSE_MS / running.length)
      tookMs.get(each)!.push(await each.save())
    }
  }
  for (const [each, times] of tookMs) tell(`save → served, ${each.contender.name}`, times, each)
}

async function measureBoots(boots: number): Promise<void> {
  const app = mkdtempSync(join(scratch, 'app-'))
  const tookMs: number[] = []
  for (let boot = 0; boot <= boots; boot++) {
    const startedAt = performance.now()
    await using running = launch(RIP_PRODUCTION, app)
    await running.says('next ')
    // The first start fills the cache.
    if (boot > 0) tookMs.push(performance.now() - startedAt)
  }
  if (boots > 0) tell(`command → ${WORKERS} workers ready`, tookMs)
}

async function measureKills(kills: number): Promise<void> {
  if (kills === 0) return
  await using running = launch(RIP_PRODUCTION)
  await running.says('next ')
  const tookMs: number[] = []
  for (let kill = 0; kill < kills; kill++) {
    const before = workersOf(running.pid)
    const startedAt = performance.now()
    process.kill(before[kill % before.length]!.pid, 'SIGKILL')
    await fullCapacity(running, before[kill % before.length]!.pid)
    tookMs.push(performance.now() - startedAt)
    await Bun.sleep(KILL_PAUSE_MS)
  }
  tell('worker SIGKILLed → full capacity', tookMs)
}

/** Waits until all workers take requests, by `rip-server status`. */
async function fullCapacity(running: Running, gone: number): Promise<void> {
  const control = controlOf(running)
  const isWhole = async (): Promise<boolean> => {
    const response = await fetch('http://control/status', { unix: control })
    const { workers } = (await response.json()) as { workers: { pid: number; state: string }[] }
    return workers.filter(({ pid, state }) => state === 'ready' && pid !== gone).length === WORKERS
  }
  if (!Number.isFinite(await timeUntil(isWhole, PATIENCE_MS, LOOK_MS)))
    throw new Error(`worker ${gone} was not replaced within ${PATIENCE_MS} ms`)
}

function controlOf({ folder: app, port }: Running): string {
  const base = join(app, '..', `run-${port}`)
  const [path] = [...new Bun.Glob('rip-server/*/control.sock').scanSync({ cwd: base, onlyFiles: false })]
  return join(base, path!)
}

function workersOf(pid: number): { readonly pid: number }[] {
  return descendantsOf(pid)
    .filter((each) => commandOf(each).includes('rip-worker'))
    .map((each) => ({ pid: each }))
}

function tell(what: string, times: readonly number[], lost?: Lost): void {
  const at = (share: number): number => Math.round(quantile(times, share) * 10) / 10
  const figures = { count: times.length, p50: at(0.5), p95: at(0.95), max: at(1) }
  results[what] = { ...figures, ...(lost && { refused: lost.refused, failed: lost.failed }) }
  const missed = lost === undefined ? '' : `, ${lost.refused} refused, ${lost.failed} failed`
  console.log(
    `${what}: p50 ${figures.p50} ms, p95 ${figures.p95} ms, max ${figures.max} ms (${figures.count})${missed}`,
  )
}
