/**
 * Patterns that texts of a type must match. No two adjacent parts of a pattern match the same characters, so matching
 * takes linear time.
 */
export const FORMATS: Readonly<Record<string, RegExp | undefined>> = {
  string: undefined,
  text: undefined,
  email: /^[^\s@]+@[^\s@][^\s@.]*\.[^\s@]+$/,
  url: /^https?:\/\/.+/,
  uuid: /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i,
  phone: /^[\d\s\-+()]+$/,
  zip: /^\d{5}(?:-\d{4})?$/,
}

const PLAIN: ReadonlySet<string> = new Set([
  ...Object.keys(FORMATS),
  'number',
  'integer',
  'boolean',
  'date',
  'datetime',
  'json',
  'any',
])

/** Whether a type belongs to the language; all other names are schemas. */
export function isPlainType(typeName: string): boolean {
  return PLAIN.has(typeName)
}

export function isDateType(typeName: string): boolean {
  return typeName === 'date' || typeName === 'datetime'
}

/** Whether a value has a plain type; dates are not checked here, because they are converted. */
export function isOfType(typeName: string, value: unknown): boolean {
  switch (typeName) {
    case 'number':
      return typeof value === 'number' && !Number.isNaN(value)
    case 'integer':
      return Number.isInteger(value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'json':
    case 'any':
      return value !== undefined
    default: {
      const format = FORMATS[typeName]
      return typeof value === 'string' && (!format || format.test(value))
    }
  }
}
