/**
 * Faults around the balancer under open-loop load: counts failed requests, and which of them the balancer had handed to
 * a backend that died or misbehaved. All others are the balancer's own failures, of which there must be none.
 *
 *   bun bench/faults/main.ts [--fault TEXT]… [--rate 200] [--seconds 6] [--port 18300]
 *                            [--worker-protocol http1|h2c|auto] [--json FILE]
 *
 * Exits with 1 when the balancer itself failed a request.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeReport } from '../src/write-report.ts'
import { FAULTS, type Fault } from './fault.ts'
import { startLoad } from './load.ts'
import { Stage, type Logged } from './stage.ts'

const { values } = parseArgs({
  options: {
    fault: { type: 'string', multiple: true },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '6' },
    port: { type: 'string', default: '18300' },
    'worker-protocol': { type: 'string' },
    json: { type: 'string' },
  },
})

interface Result {
  readonly name: string
  readonly sent: number
  /** How many of them were with a backend, or being answered by it, when it died or misbehaved. */
  readonly handed: number
  readonly own: number
  readonly examples: readonly string[]
  readonly p50Ms: number
  readonly p99Ms: number
  readonly done: string
}

/** Outcomes of requests that were handed to a backend: it died, misbehaved or did not answer. */
const HANDED = new Set(['backend-reset', 'bad-response', 'response-timeout'])

const ROGUE = 'rogue'

const root = mkdtempSync(join(tmpdir(), 'rip-faults-'))
const results: Result[] = []
try {
  for (const [at, fault] of FAULTS.entries()) {
    if (values.fault !== undefined && !values.fault.some((text) => fault.name.includes(text))) continue
    const result = await measure(fault, join(root, String(at)))
    results.push(result)
    print(result)
  }
} finally {
  rmSync(root, { recursive: true, force: true })
}

const options = { rate: Number(values.rate), seconds: Number(values.seconds) }
writeReport(values.json, options, { results })
process.exitCode = results.some(({ own }) => own > 0) ? 1 : 0

/** A failed request. */
interface Failed {
  /** Its target, which is unique. */
  readonly target: string
  readonly reason: string
}

async function measure(fault: Fault, folder: string): Promise<Result> {
  const port = Number(values.port)
  await using stage = new Stage({
    folder,
    port,
    logFile: fault.logFile,
    descriptors: fault.descriptors,
    workerProtocol: values['worker-protocol'],
  })
  await begin(stage, fault)
  const failed: Failed[] = []
  const load = await startLoad({
    port,
    ratePerSecond: Number(values.rate),
    keptConnections: fault.keptConnections ?? 0,
    onOutcome: ({ request, failure, reason }) => {
      if (failure !== undefined) failed.push({ target: request.path, reason: `${failure}: ${reason}` })
    },
  })
  const overAtMs = performance.now() + Number(values.seconds) * 1000
  const done = await fault.run(stage, () => performance.now() > overAtMs)
  const { sent, p50Ms, p99Ms } = await load.stop()
  return { name: fault.name, sent, ...judge(failed, await stage.log()), p50Ms, p99Ms, done }
}

/** Starts two good backends, and for some faults a bad one. */
async function begin(stage: Stage, fault: Fault): Promise<void> {
  const backends = [await stage.addBackend(), await stage.addBackend()]
  if (fault.rogue !== undefined) backends.push(await stage.addBackend(fault.rogue, ROGUE))
  if (fault.generations !== true) return stage.startBalancer(backends)
  await stage.startBalancer()
  await stage.admin.prepare('g1', stage.declaration())
  await stage.admin.cut('g1')
}

/** Divides the failed requests into those handed to a backend that failed, and the balancer's own. */
function judge(
  failed: readonly Failed[],
  log: ReadonlyMap<string, Logged>,
): Pick<Result, 'handed' | 'own' | 'examples'> {
  const isHanded = ({ target }: Failed): boolean => {
    const logged = log.get(target)
    return logged !== undefined && (HANDED.has(logged.outcome) || logged.backend === ROGUE)
  }
  const own = failed.filter((each) => !isHanded(each))
  const describe = ({ target, reason }: Failed): string =>
    `${target} ${reason} (${log.get(target)?.outcome ?? 'not in the log'})`
  return {
    handed: failed.length - own.length,
    own: own.length,
    examples: own.slice(0, 5).map(describe),
  }
}

function print({ name, sent, handed, own, examples, p50Ms, p99Ms, done }: Result): void {
  const columns = [
    name.padEnd(42),
    `${sent} sent`.padStart(10),
    `${handed} handed`.padStart(12),
    `${own} own`.padStart(8),
    `p50 ${p50Ms.toFixed(1)} p99 ${p99Ms.toFixed(1)} ms`.padStart(24),
    `  ${done}`,
  ]
  console.log(columns.join(''))
  for (const example of examples) console.log(`    ${example}`)
}
