/** Converts a value to a property key, as JavaScript does, exactly once. */
export function propertyKey(value: unknown): string | symbol {
  if (typeof value === 'string' || typeof value === 'symbol') return value
  const holder = { [value as string]: 0 }
  // The program may have variables `Object` and `Reflect`; the constructor of a literal is always the real one.
  const { getOwnPropertyNames, getOwnPropertySymbols } = {}.constructor as ObjectConstructor
  return getOwnPropertyNames(holder)[0] ?? getOwnPropertySymbols(holder)[0]!
}
