import { SWEEP_SHARE } from './bounds.ts'

/** What one sweep has taken. */
export interface SweepCost {
  readonly wallMs: number
  /** Time of a processor: on a busy machine much less than by the clock, and it is what others miss. */
  readonly cpuMs: number
}

/**
 * How long to wait before the next sweep, so that sweeping takes no more than its share of a processor.
 *
 * @param leastMs shortest pause
 */
export function sweepPauseMs({ wallMs, cpuMs }: SweepCost, leastMs: number): number {
  return Math.max(leastMs, Math.min(wallMs, cpuMs) / SWEEP_SHARE)
}
