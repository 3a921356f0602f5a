/**
 * The smallest of the numbers for which the given share of the numbers is not larger.
 *
 * @param share from 0, the smallest number, to 1, the largest
 * @returns `NaN` when there are no numbers
 */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const median = (numbers: readonly number[]): number => quantile(numbers, 0.5)
