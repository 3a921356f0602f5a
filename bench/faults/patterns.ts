/**
 * Ten ways in which backends fail, behind nginx, HAProxy, Caddy and rip-balancer with the same timeouts: how many
 * requests fail, how long it takes until the good backends answer everything, and until a recovered backend is used
 * again.
 *
 *   bun bench/faults/patterns.ts [--pattern TEXT]… [--rival NAME]… [--requests 1000] [--rate 200] [--port 18400]
 * [--json FILE]
 *
 * `--requests` is the number of requests that begin while backends fail; some more begin before and after. A cell takes
 * as long as these and 5 to 25 s more: all forty take 10 minutes with 1,000, 40 to 50 with 10,000.
 *
 * "Used again" means something only if the backend was left out: if a failing backend got more than a quarter of its
 * share in the last part of the failure, the table says so instead of a time.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { PATTERNS, type Pattern } from './pattern.ts'
import { PatternLoad, type Sample } from './pattern-load.ts'
import { PatternStage } from './pattern-stage.ts'
import { RIVALS, type Rival } from './rival.ts'

const { values } = parseArgs({
  options: {
    pattern: { type: 'string', multiple: true },
    rival: { type: 'string', multiple: true },
    requests: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '200' },
    port: { type: 'string', default: '18400' },
    json: { type: 'string' },
  },
})

interface Result {
  readonly pattern: string
  readonly rival: string
  readonly sent: number
  readonly failed: number
  /** Time from the first failure of a backend; `undefined`: never. */
  readonly wholeAfterMs: number | undefined
  /** Whether the failing backends got less than a quarter of their share in the last quarter of the time. */
  readonly leftOut: boolean
  /** Time from its recovery; `undefined`: not within the time waited. */
  readonly usedAfterMs: number | undefined
  readonly failures: Readonly<Record<string, number>>
}

const BEFORE_MS = 1_500
const MAX_RECOVERY_MS = 15_000
const AFTER_RETURN_MS = 500
/** A slower answer counts as one that a good backend did not give at once. */
const SLOW_MS = 500
/** The good backends count as answering everything when no request failed or waited for so long. */
const WHOLE_MS = 1_000

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const root = mkdtempSync(join(tmpdir(), 'rip-patterns-'))
const results: Result[] = []
const isWanted = (name: string, wanted: readonly string[] | undefined): boolean =>
  wanted === undefined || wanted.some((text) => name.includes(text))
try {
  for (const pattern of PATTERNS.filter(({ name }) => isWanted(name, values.pattern)))
    for (const rival of RIVALS.filter(({ name }) => isWanted(name, values.rival))) {
      const result = await measure(pattern, rival, join(root, `${results.length}`))
      results.push(result)
      console.log(lineOf(result), JSON.stringify(result.failures))
    }
} finally {
  rmSync(root, { recursive: true, force: true })
}
console.log(tableOf(results))
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results, null, 2))

async function measure(pattern: Pattern, rival: Rival, folder: string): Promise<Result> {
  const port = Number(values.port)
  const rate = Number(values.rate)
  await using stage = await PatternStage.start(rival, pattern, folder, port)
  const load = new PatternLoad({ port, ratePerSecond: rate, large: pattern.large === true })
  await Bun.sleep(BEFORE_MS)
  const failsAtMs = performance.now()
  const overAtMs = failsAtMs + (Number(values.requests) / rate) * 1000
  const lastQuarterMs = (overAtMs - failsAtMs) / 4
  const before = Bun.sleep(3 * lastQuarterMs).then(() => stage.countWhileBad())
  await pattern.fail(stage, () => performance.now() > overAtMs)
  const got = (await stage.countWhileBad()) - (await before)
  await stage.behave('good')
  const recoversAtMs = performance.now()
  const isBack = ({ startedAtMs, backend, failure }: Sample): boolean =>
    startedAtMs >= recoversAtMs && failure === undefined && isFailing(pattern, backend)
  while (!load.samples.some(isBack) && performance.now() < recoversAtMs + MAX_RECOVERY_MS) await Bun.sleep(20)
  await Bun.sleep(AFTER_RETURN_MS)
  await load.stop()
  const samples = load.samples.toSorted((a, b) => a.startedAtMs - b.startedAtMs)
  const failed = samples.filter(({ failure }) => failure !== undefined)
  const back = samples.find(isBack)
  return {
    pattern: pattern.name,
    rival: rival.name,
    sent: samples.length,
    failed: failed.length,
    wholeAfterMs: wholeAfterMs(samples, failsAtMs, recoversAtMs),
    leftOut: got < shareOf(pattern, rate, lastQuarterMs) / 4,
    usedAfterMs: back && back.startedAtMs - recoversAtMs,
    failures: countBy(failed.map(({ failure = '' }) => failure)),
  }
}

/** Number of requests that failing backends would get in that time by their share. */
function shareOf({ failing, backends, badShare = 1 }: Pattern, rate: number, forMs: number): number {
  return (rate * forMs * badShare * failing) / backends / 1000
}

function isFailing({ failing }: Pattern, backend: string | undefined): boolean {
  return backend !== undefined && Number(backend.slice(1)) < failing
}

/** Time until the first second in which all requests that began were answered, and quickly. */
function wholeAfterMs(samples: readonly Sample[], fromMs: number, toMs: number): number | undefined {
  const bad = samples.filter(
    ({ startedAtMs, tookMs, failure }) =>
      startedAtMs >= fromMs && startedAtMs < toMs && (failure !== undefined || tookMs > SLOW_MS),
  )
  const [first] = bad
  if (first === undefined) return 0
  const last = bad.find(({ startedAtMs }, at) => (bad[at + 1]?.startedAtMs ?? toMs) - startedAtMs > WHOLE_MS)
  return last && last.startedAtMs - fromMs
}

function countBy(words: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]))
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? 'never' : `${(ms / 1000).toFixed(1)} s`
}

/** How long a recovered backend waited, if it had been left out. */
function usedText({ leftOut, usedAfterMs }: Result): string {
  return leftOut ? seconds(usedAfterMs) : 'not left out'
}

function lineOf(result: Result): string {
  const { pattern, rival, sent, failed } = result
  return `${pattern.padEnd(50)} ${rival.padEnd(14)} ${failed} of ${sent} failed, whole after ${seconds(result.wholeAfterMs)}, used after ${usedText(result)}`
}

/** Each cell: failed requests, time until the good backends answer everything, time until a recovered one is used. */
function tableOf(all: readonly Result[]): string {
  const rivals = [...new Set(all.map(({ rival }) => rival))]
  const cell = (pattern: string, rival: string): string => {
    const result = all.find((each) => each.pattern === pattern && each.rival === rival)
    if (result === undefined) return ''
    return `${result.failed} of ${result.sent} · ${seconds(result.wholeAfterMs)} · ${usedText(result)}`
  }
  const rows = [...new Set(all.map(({ pattern }) => pattern))].map((pattern) => [
    pattern,
    ...rivals.map((rival) => cell(pattern, rival)),
  ])
  const lines = [['what fails', ...rivals], ['---', ...rivals.map(() => '---')], ...rows]
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
}
