import type { BootFailure } from '@rip/worker/protocol'
import type { GenerationId } from './router.ts'

export type RefusalCode =
  | 'build-failed'
  /** The configuration that came with it cannot be used. */
  | 'config-invalid'
  | 'boot-failed'
  | 'boot-timeout'
  | 'verify-failed'
  | 'routing-failed'
  /** It served, and its answers failed: the previous one serves again. */
  | 'rolled-back'
  /** It was taken back, or rolled back from, before: only an operator who insists has it served. */
  | 'condemned'
  | 'superseded'
  | 'held'
  | 'stopping'

/** Why a generation does not serve. Kept until other content is admitted. */
export interface Refusal {
  readonly code: RefusalCode
  readonly generation: GenerationId
  /** One sentence for the operator. */
  readonly message: string
  readonly failure?: BootFailure
  /** End of the candidate's standard error. */
  readonly stderr?: string
  /** Milliseconds since the epoch. */
  readonly atMs: number
}
