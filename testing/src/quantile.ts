/**
 * The smallest of the numbers that the given share of them does not exceed.
 *
 * @param share from 0, the smallest, to 1, the largest
 * @returns `NaN` when there are none
 */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const median = (numbers: readonly number[]): number => quantile(numbers, 0.5)
