import type { Snapshot } from './ports.ts'
import type { GenerationId } from './router.ts'

/** Why content is not to serve again: it served, and was found wanting. */
export interface Verdict {
  readonly generation: GenerationId
  /** `server`: its answers failed, and it was taken back; `operator`: a command returned from it. */
  readonly by: 'server' | 'operator'
  /** What was found, in words for the operator. */
  readonly reason: string
  /** Milliseconds since the epoch. */
  readonly atMs: number
}

/** The last good generation, of which a copy is kept. */
export interface KeptGeneration {
  readonly generation: GenerationId
  /** Folder its workers start in. */
  readonly cwd: string
}

/** What an instance has found out about contents. */
export interface Findings {
  /** In the order in which they were found wanting. */
  readonly condemned: readonly Verdict[]
  readonly good: KeptGeneration | undefined
}

/** Keeps what was found out where it survives this process, and the machine's next start. */
export interface VerdictStore {
  /** What was found out before this process was started. */
  read(): Findings
  /** Replaces what is kept; copies of other generations than the good one are removed. @throws Error when it cannot be written */
  write(findings: Findings): void
  /** Makes a copy of the snapshot, which is removed unless the next `write` says that it is of the good generation. */
  keep(snapshot: Snapshot): Promise<void>
  /** A snapshot made from the copy, to start workers from. */
  fetch(generation: GenerationId, options: { readonly signal: AbortSignal }): Promise<Snapshot>
}
