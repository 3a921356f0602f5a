/**
 * Cost of starts: processor time of the manager, the balancer and each worker of `rip-server start` until all workers
 * are ready, compared with another checkout, in turn.
 *
 *   bun run bench starts [--runs 20] [--beside CHECKOUT]
 *
 * Linux only. On a machine with other work, processor time is more reliable than elapsed time; the first run of each is
 * not counted. Prints the result and writes it to bench/results/starts.json.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { commandOf, descendantsOf, median } from '@rip/testing'
import { RIP_PRODUCTION, Running } from '../latency/contender.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '20' }, beside: { type: 'string' } },
})

/** Milliseconds of processor time, except the last field. */
interface Start {
  readonly manager: number
  readonly balancer: number
  /** Mean of all workers. */
  readonly worker: number
  /** Elapsed time from the command on. */
  readonly ready: number
}

const ROLES = ['manager', 'balancer', 'worker', 'ready'] as const
const here = fileURLToPath(new URL('../../', import.meta.url))
const checkouts = [...(values.beside === undefined ? [] : [resolve(values.beside)]), here]
const scratch = mkdtempSync(join(tmpdir(), 'rip-st-'))
try {
  const starts = new Map(checkouts.map((checkout) => [checkout, [] as Start[]]))
  for (let run = 0; run <= Number(values.runs); run++) {
    for (const checkout of checkouts) {
      const start = await measure(checkout)
      if (run > 0) starts.get(checkout)!.push(start)
    }
  }
  const results = Object.fromEntries([...starts].map(([checkout, each]) => [checkout, summary(each)]))
  for (const [checkout, figures] of Object.entries(results)) console.log(`${checkout}: ${textOf(figures)}`)
  const folder = fileURLToPath(new URL('../results/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'starts.json'), `${JSON.stringify(results, null, 2)}\n`)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

async function measure(checkout: string): Promise<Start> {
  const program = join(checkout, 'packages/rip-server-cli/bin/rip-server')
  const command = (port: number): readonly string[] => {
    const [runtime = '', , ...args] = RIP_PRODUCTION.command(port)
    return [runtime, program, ...args]
  }
  const startedAt = performance.now()
  await using owned = new AsyncDisposableStack()
  const running = owned.use(new Running({ ...RIP_PRODUCTION, command }, mkdtempSync(join(scratch, 'app-'))))
  await running.says('next ')
  const ready = performance.now() - startedAt
  const processes = descendantsOf(running.pid).map((pid) => ({ command: commandOf(pid), ms: cpuMs(pid) }))
  const of = (name: string): number => {
    const times = processes.filter(({ command: line }) => line.includes(name)).map(({ ms }) => ms)
    return times.reduce((sum, ms) => sum + ms, 0) / times.length
  }
  return { manager: cpuMs(running.pid), balancer: of('rip-balancer'), worker: of('rip-worker'), ready }
}

/** Processor time of all living threads, in milliseconds; proc_pid_schedstat(5) counts nanoseconds. */
function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const times = threads.map((thread) => {
    try {
      return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
    } catch {
      // ENOENT: the process has just ended.
      return 0
    }
  })
  return times.reduce((sum, ns) => sum + ns, 0) / 1e6
}

/** The median and the minimum of each: disturbances only ever add time. */
function summary(starts: readonly Start[]): Record<keyof Start, { median: number; least: number }> {
  const figures = ROLES.map((role) => {
    const figuresOfRole = starts.map((start) => start[role])
    return [role, { median: median(figuresOfRole), least: Math.min(...figuresOfRole) }] as const
  })
  return Object.fromEntries(figures) as ReturnType<typeof summary>
}

function textOf(figures: ReturnType<typeof summary>): string {
  return ROLES.map(
    (role) => `${role} ${figures[role].median.toFixed(1)} ms (least ${figures[role].least.toFixed(1)})`,
  ).join(', ')
}
