/** An object made of pairs; all keys become own properties, also `__proto__`. */
export function objectOf(entries: Iterable<readonly [PropertyKey, unknown]>): Record<PropertyKey, unknown> {
  // The program may have a variable `Object`; the constructor of a literal is always the real one.
  const { fromEntries } = {}.constructor as ObjectConstructor
  return fromEntries(entries)
}
