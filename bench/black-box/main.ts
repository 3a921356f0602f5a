/**
 * The scenarios S01 to S62 for rip-server alone, as a user meets it: command line, HTTP, signals, /proc. Prints
 * a line for each and keeps the last outcome of each in bench/results/black-box.json. The exit code is the
 * number of failed ones, at most 100.
 *
 *   bun run bench black-box [--only S09,S10] [--table]
 *
 * `--table` prints the kept outcomes as the Markdown table of bench/chaos/README.md and runs nothing.
 */
import { parseArgs } from 'node:util'
import { Outcomes, type Outcome } from './outcomes.ts'
import { Sandbox } from './sandbox.ts'
import type { BlackBoxScenario } from './scenario.ts'
import { CRASHES } from './scenarios/crashes.ts'
import { ENVIRONMENT } from './scenarios/environment.ts'
import { INSTANCES } from './scenarios/instances.ts'
import { LIMITS } from './scenarios/limits.ts'
import { MEMORY } from './scenarios/memory.ts'
import { REFUSALS } from './scenarios/refusals.ts'
import { RELOADS } from './scenarios/reloads.ts'
import { SHUTDOWN } from './scenarios/shutdown.ts'
import { WATCHING } from './scenarios/watching.ts'
import { Verdict } from './verdict.ts'

/** No scenario takes longer; one that does has failed. */
const LIMIT_MS = 240_000

const ALL: readonly BlackBoxScenario[] = [
  ...RELOADS,
  ...REFUSALS,
  ...SHUTDOWN,
  ...CRASHES,
  ...INSTANCES,
  ...LIMITS,
  ...MEMORY,
  ...WATCHING,
  ...ENVIRONMENT,
].toSorted((a, b) => a.id.localeCompare(b.id))

const { values } = parseArgs({
  options: { only: { type: 'string' }, table: { type: 'boolean', default: false } },
})
const outcomes = Outcomes.read()
if (values.table) {
  console.log(outcomes.table(ALL))
  process.exit()
}

const only = values.only?.split(',')
let failed = 0
const chosen = ALL.filter(({ id }) => only?.includes(id) ?? true)
let notRun = 0
for (const scenario of chosen) {
  const reason = scenario.unavailable?.()
  if (reason !== undefined) {
    notRun++
    console.log(`${scenario.id} not run ${scenario.title}: ${reason}`)
    continue
  }
  const outcome = await play(scenario)
  outcomes.keep(scenario.id, outcome)
  if (outcome.problems.length > 0) failed++
  print(scenario, outcome)
}
console.log(`\n${chosen.length - failed - notRun} passed, ${failed} failed, ${notRun} not run`)
process.exit(Math.min(100, failed))

async function play(scenario: BlackBoxScenario): Promise<Outcome> {
  const startedAt = performance.now()
  const verdict = new Verdict()
  const sandbox = Sandbox.create()
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`not finished after ${LIMIT_MS} ms`)), LIMIT_MS)
  try {
    await Promise.race([scenario.run(sandbox, verdict), late.promise])
  } catch (error) {
    verdict.expect(false, error instanceof Error ? error.message : String(error))
  } finally {
    clearTimeout(timer)
    await sandbox[Symbol.asyncDispose]()
  }
  const { figures, problems } = verdict
  return { figures, problems, tookMs: Math.round(performance.now() - startedAt) }
}

function print({ id, title }: BlackBoxScenario, { figures, problems }: Outcome): void {
  console.log(`${id} ${problems.length === 0 ? 'pass' : 'FAIL'} ${title}: ${figures.join(' · ')}`)
  for (const problem of problems) console.log(`      ✗ ${problem}`)
}
