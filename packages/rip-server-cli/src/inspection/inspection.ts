import type { BackgroundStatus, RequestUnderWay, WorkerStatus } from '@rip/manager'
import type { CpuSummary } from './cpu-summary.ts'
import type { MemoryGrowth } from './memory-growth.ts'

/** What was found out about a process. */
export interface Inspection {
  readonly process: WorkerStatus | BackgroundStatus
  /** Its requests, the oldest first, and those that wait for a worker. */
  readonly requests: readonly RequestUnderWay[]
  /** Of one processor, 0 to 1 or more; `undefined` where the system does not tell. */
  readonly processor: number | undefined
  readonly cpu?: (CpuSummary & WrittenFile & { readonly processor: number | undefined }) | undefined
  readonly memory?: (MemoryGrowth & WrittenFile & { readonly overMs?: number }) | undefined
}

interface WrittenFile {
  readonly file?: string
}
