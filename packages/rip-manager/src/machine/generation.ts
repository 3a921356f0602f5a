import type { Snapshot, TreeState } from '../contract/ports.ts'
import type { GenerationId } from '../contract/router.ts'

/** One version of the application, ready to be started any number of times. */
export interface Generation {
  readonly id: GenerationId
  readonly snapshot: Snapshot
  /** What it was made from; undefined for a copy of an earlier generation. */
  readonly content: TreeState | undefined
  /** Every worker of the generation gets the same, also one that is started much later. A restart reads them anew. */
  surroundings: Surroundings
}

/** What a process finds around itself. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}
