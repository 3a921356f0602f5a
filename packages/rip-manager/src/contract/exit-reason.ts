import type { BootFailure } from '@rip/worker/protocol'

/**
 * Why a worker is replaced by plan. `memory-budget`: the limit of all together was nearly used up, and it was the largest;
 * `descriptors`: it can hardly open anything more.
 */
export type RecycleReason =
  | 'requests'
  | 'memory'
  | 'memory-budget'
  | 'descriptors'
  | 'lifetime'
  | 'restart'
  | 'unhealthy'
  | 'signal'
  | 'socket-lost'

/** Why a worker's process ended. */
export type ExitReason =
  | { readonly kind: 'drained' }
  | {
      readonly kind: 'recycled'
      readonly reason: RecycleReason
    }
  | {
      readonly kind: 'crashed'
      readonly code: number | null
      readonly signal: string | null
      readonly stderr: string
    }
  | { readonly kind: 'oom' }
  | { readonly kind: 'boot-timeout'; readonly afterMs: number }
  | { readonly kind: 'boot-failed'; readonly failure: BootFailure }
  | {
      readonly kind: 'stuck-loop'
      readonly silentMs: number
      /** What blocked it, innermost frame first, as the lines of an error's stack; absent if it could not tell. */
      readonly stack?: string
    }
  | { readonly kind: 'killed'; readonly reason: 'drain-deadline' | 'superseded' | 'stop' }
