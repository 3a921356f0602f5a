/** An object of pairs, whose keys are all its own. */
export function objectOf(entries: Iterable<readonly [PropertyKey, unknown]>): Record<PropertyKey, unknown> {
  // Whatever the program around calls `Object`, a literal knows its constructor.
  const { fromEntries } = {}.constructor as ObjectConstructor
  return fromEntries(entries)
}
