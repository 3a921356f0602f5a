/** The step of a loop. @throws {Error} When it is 0, with which the loop would never end. */
export function stepOf(step: number): number {
  if (step === 0) throw new RangeError('a loop by 0 never ends')
  return step
}
