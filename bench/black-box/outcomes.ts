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

/** Scenarios without a program here, and why. */
const ABSENT = [
  [
    'S19',
    'surge on a host with little memory',
    'needs a memory control group, which an ordinary user cannot make; real workers: `packages/rip-manager/test/real-programs/scarce-memory.test.ts`',
  ],
  [
    'S42',
    'OOM kill by a control group',
    'needs a memory control group of its own; the accounting is under test in `packages/rip-manager/test/process/oom.test.ts`',
  ],
  ['S44', '1,000 reloads without growth', 'a soak run of its own, not part of this table'],
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
    const excluded = ABSENT.map(([id, title, reason]) => `| ${id} | ${title} | not run | ${reason} |`)
    const rows = scenarios.map(({ id, title, shortened }) => {
      const kept = this.#kept[id]
      const figures = kept?.figures.join(' · ') ?? ''
      return `| ${id} | ${title}${shortened === undefined ? '' : ` (${shortened})`} | ${resultOf(kept)} | ${figures} |`
    })
    return ['| | scenario | result | figure |', '|---|---|---|---|', ...rows, ...excluded].join('\n')
  }
}

function resultOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return ''
  return outcome.problems.length === 0 ? 'pass' : `**fail**: ${outcome.problems.join('; ').split('\n')[0]}`
}
