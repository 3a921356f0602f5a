import type { CrashBudgetLimits } from './crash-budget.ts'

/** Limits and settings, with every default applied. Zero turns a recycling limit off. */
export interface MachineConfig {
  readonly concurrency: number
  readonly speaksProtocol: boolean
  readonly bootTimeoutMs: number
  readonly drainTimeoutMs: number
  /** Longest drain when everything stops. */
  readonly stopTimeoutMs: number
  readonly stopDelayMs: number
  readonly settleMs: number
  readonly killGraceMs: number
  readonly beaconMs: number
  readonly stuckAfterMs: number
  readonly crash: CrashBudgetLimits
  readonly recycle: {
    readonly requests: number
    readonly memoryBytes: number
    readonly lifetimeMs: number
    readonly jitter: number
    readonly memorySamples: number
    readonly budgetShare: number
  }
  readonly cutAfter: 'all' | 'first'
  readonly maxRetiring: number
  readonly verifies: boolean
  readonly builds: boolean
  readonly observe:
    | {
        readonly windowMs: number
        readonly minRequests: number
        readonly minErrors: number
        readonly maxErrorRate: number
        readonly everyMs: number
        /** Suspicion is confirmed by lots before anything is taken back. */
        readonly compares: boolean
      }
    | undefined
}
