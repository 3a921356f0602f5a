import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BlackBoxScenario } from './scenario.ts'

/** What came of one run of a scenario. Without problems it has passed. */
export interface Outcome {
  readonly figures: readonly string[]
  readonly problems: readonly string[]
  readonly tookMs: number
}

interface KeptOutcome extends Outcome {
  readonly at: string
  readonly machine: { readonly kernel: string; readonly cpus: number; readonly bun: string }
}

const FILE = fileURLToPath(new URL('../results/black-box.json', import.meta.url))

/** Scenarios of programs of their own: what came of the last run. */
const ELSEWHERE = [
  [
    'S44',
    '1,000 reloads without growth',
    'pass',
    '`bun run bench soak`: 0 refused, 0 failed of 23,079, nothing grew',
  ],
] as const

/** The last outcome of each scenario, in a file that outlives the run. */
export class Outcomes {
  readonly #kept: Record<string, KeptOutcome>

  private constructor(kept: Record<string, KeptOutcome>) {
    this.#kept = kept
  }

  static read(): Outcomes {
    try {
      return new Outcomes(JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, KeptOutcome>)
    } catch {
      // The first run, or nothing readable: start anew.
      return new Outcomes({})
    }
  }

  /** Writes at once, so that an interrupted run loses nothing. */
  keep(id: string, outcome: Outcome): void {
    const machine = { kernel: release(), cpus: cpus().length, bun: Bun.version }
    this.#kept[id] = { at: new Date().toISOString(), machine, ...outcome }
    mkdirSync(dirname(FILE), { recursive: true })
    writeFileSync(FILE, JSON.stringify(this.#kept, null, 2))
  }

  /** A Markdown table of the scenarios; one that was not run yet has an empty result. */
  table(scenarios: readonly BlackBoxScenario[]): string {
    const elsewhere = ELSEWHERE.map((cells) => `| ${cells.join(' | ')} |`)
    const rows = scenarios.map((scenario) => {
      const kept = this.#kept[scenario.id]
      return `| ${scenario.id} | ${nameOf(scenario)} | ${resultOf(scenario, kept)} | ${figuresOf(scenario, kept)} |`
    })
    return ['| | scenario | result | figure |', '|---|---|---|---|', ...rows, ...elsewhere].join('\n')
  }
}

function nameOf({ title, shortened }: BlackBoxScenario): string {
  return shortened === undefined ? title : `${title} (${shortened})`
}

/** A scenario that cannot be run here may have been run elsewhere. */
function resultOf(scenario: BlackBoxScenario, outcome: Outcome | undefined): string {
  if (outcome === undefined) return scenario.unavailable?.() === undefined ? '' : 'not run'
  return outcome.problems.length === 0 ? 'pass' : `**fail**: ${outcome.problems.join('; ').split('\n')[0]}`
}

function figuresOf(scenario: BlackBoxScenario, outcome: Outcome | undefined): string {
  return outcome?.figures.join(' · ') ?? scenario.unavailable?.() ?? ''
}
