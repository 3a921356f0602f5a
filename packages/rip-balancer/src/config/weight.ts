/** Shares beyond these differ from none, or from all, in nothing but rounding. */
const MIN_WEIGHT = 0.000_001
const MAX_WEIGHT = 1_000_000

/** What a weight can be, in words for a message. */
export const WEIGHT_FORM: string = `0, or a number from 0.000001 to ${MAX_WEIGHT}`

/** Whether it is the weight of a backend. */
export function isWeight(value: unknown): value is number {
  return typeof value === 'number' && (value === 0 || (value >= MIN_WEIGHT && value <= MAX_WEIGHT))
}
