/**
 * A thousand reloads under load: counts failed requests, and the resources of manager and balancer before and after.
 *
 *   bun run bench soak [--reloads 1000] [--rate 50]
 *
 * Each reload is a new release, loaded by the command `rip-server reload`. Prints the result and writes it to
 * bench/results/soak.json; the exit code is 1 when a request failed, a reload was refused, or descriptors, threads or
 * files grew.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { commandOf, cpuMsOf, descendantsOf, ReleaseSandbox, until } from '@rip/testing'
import { type Holdings, holdingsOf } from './holdings.ts'

/** Reloads before the first measurement, after which caches and heaps have their size. */
const WARM_RELOADS = 50
/** Pause before a measurement, in which resources are freed. */
const SETTLE_MS = 5_000
const REST_MS = 20_000
/** Tolerance for connections and for threads of the runtime's pool that come and go with the load. */
const PLAY = 4

const { values } = parseArgs({
  options: { reloads: { type: 'string', default: '1000' }, rate: { type: 'string', default: '50' } },
})
const reloads = Number(values.reloads)

await using sandbox = await ReleaseSandbox.create()
const server = await sandbox.serve({ workers: 2 })
const balancer = descendantsOf(server.pid).find((pid) => commandOf(pid).includes('rip-balancer'))!
const atRest = await shareOfACore(server.pid)
let refused = 0

const load = sandbox.startLoad({ ratePerSecond: Number(values.rate) })
await reload(WARM_RELOADS)
const before = await look()
await reload(reloads - WARM_RELOADS)
const after = await look()
const report = await load.stop()

const result = {
  reloads,
  refused,
  sent: report.sent,
  failed: report.failed,
  failures: report.failures,
  atRest,
  before,
  after,
}
const folder = fileURLToPath(new URL('../results/', import.meta.url))
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'soak.json'), `${JSON.stringify(result, null, 2)}\n`)

console.log(`${reloads} reloads, ${refused} refused; ${report.sent} requests, ${report.failed} failed`)
console.log(`manager at rest: ${(atRest * 100).toFixed(2)} % of a core`)
for (const [what, first] of Object.entries(before)) {
  const last = after[what as keyof typeof after]
  console.log(`${what}: ${describe(first)} → ${describe(last)}`)
}
const grew = Object.entries(before).some(([what, first]) =>
  hasGrown(first, after[what as keyof typeof after]),
)
process.exitCode = refused > 0 || report.failed > 0 || grew ? 1 : 0

async function reload(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    sandbox.deploy(`r${crypto.randomUUID()}`)
    const { code, stderr } = await sandbox.reload()
    if (code === 0) continue
    refused++
    console.error(`reload ended with ${code}: ${stderr.trim()}`)
  }
}

async function look(): Promise<{
  readonly manager: Holdings
  readonly balancer: Holdings
  readonly files: number
  readonly processes: number
}> {
  await Bun.sleep(SETTLE_MS)
  await until('the previous workers have left', async () => (await sandbox.workerPids()).length === 2)
  const files = readdirSync(dirname(sandbox.control()), { recursive: true }).length
  return {
    manager: holdingsOf(server.pid),
    balancer: holdingsOf(balancer),
    files,
    processes: (await sandbox.processes()).length,
  }
}

async function shareOfACore(pid: number): Promise<number> {
  await Bun.sleep(SETTLE_MS)
  const cpuMs = cpuMsOf(pid)
  await Bun.sleep(REST_MS)
  return (cpuMsOf(pid) - cpuMs) / REST_MS
}

/** Memory is printed but not judged, because it depends on the garbage collector. */
function hasGrown(first: Holdings | number, last: Holdings | number): boolean {
  if (typeof first === 'number' || typeof last === 'number') return last > first
  return last.descriptors > first.descriptors + PLAY || last.threads > first.threads + PLAY
}

function describe(what: Holdings | number): string {
  if (typeof what === 'number') return String(what)
  return `${what.rssMiB} MiB, ${what.descriptors} descriptors, ${what.threads} threads`
}
