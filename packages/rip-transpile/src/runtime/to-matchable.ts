/** The text that `=~` and `value[/pattern/]` match: empty for `null` and `undefined`, the name of a symbol. */
export function toMatchable(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  return typeof value === 'symbol' ? (value.description ?? '') : String(value as string)
}
