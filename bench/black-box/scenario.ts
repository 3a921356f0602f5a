import type { Sandbox } from './sandbox.ts'
import type { Verdict } from './verdict.ts'

export interface BlackBoxScenario {
  readonly id: string
  readonly title: string
  /** In what this run is shorter or smaller than the full scenario. */
  readonly shortened?: string
  /** Why it cannot be run on this machine, if it cannot. */
  unavailable?(): string | undefined
  run(sandbox: Sandbox, verdict: Verdict): Promise<void>
}
