/** The step of a loop, which would never end with 0. */
export function stepOf(step: number): number {
  if (step === 0) throw new RangeError('a loop by 0 never ends')
  return step
}
