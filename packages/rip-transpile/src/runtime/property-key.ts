/** The key that JavaScript makes of a value, made once. */
export function propertyKey(value: unknown): string | symbol {
  if (typeof value === 'string' || typeof value === 'symbol') return value
  const holder = { [value as string]: 0 }
  // Whatever the program around calls `Object` or `Reflect`, a literal knows its constructor.
  const { getOwnPropertyNames, getOwnPropertySymbols } = {}.constructor as ObjectConstructor
  return getOwnPropertyNames(holder)[0] ?? getOwnPropertySymbols(holder)[0]!
}
