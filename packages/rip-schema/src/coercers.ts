/** Converts a value; returns `null`, `undefined` or `false` if it cannot. */
export type Coercer = (value: unknown) => unknown

export interface CoercerOptions {
  /** Pass the value itself instead of its text. @default false */
  readonly raw?: boolean
}

/** The converters that fields refer to as `~:name`. */
export class Coercers {
  readonly #known = new Map<string, Coercer>()

  /**
   * Defines the conversion `~:name`, replacing an earlier one of that name.
   *
   * @throws {TypeError} When it is no function, or an async function.
   */
  register(name: string, convert: Coercer, options: CoercerOptions = {}): Coercer {
    if (typeof convert !== 'function' || /^(?:Async|.*Generator)/.test(convert.constructor.name))
      throw new TypeError(`the coercer '~:${name}' must be a plain synchronous function`)
    this.#known.set(name, options.raw ? convert : (value) => convert(textOf(value)))
    return convert
  }

  /** @throws {Error} When no converter of that name is registered: that is a fault of the program, not of the value. */
  get(name: string): Coercer {
    const found = this.#known.get(name)
    if (found) return found
    throw new Error(
      `no coercer registered for '~:${name}'; call registerCoercer('${name}', (value) => …) before the first parse`,
    )
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : String(value)
}

const INTEGRAL = /^\s*[+-]?\d+\s*$/
const NUMERIC = /^\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*$/

/** Strict conversions for the types that have one; `undefined` means that the value cannot be converted. */
export const BUILT_IN_COERCERS: Readonly<Record<string, Coercer>> = {
  integer(value) {
    if (typeof value === 'string') return INTEGRAL.test(value) ? Number(value) : undefined
    return Number.isInteger(value) ? value : undefined
  },
  number(value) {
    if (typeof value === 'string') return NUMERIC.test(value) ? Number(value) : undefined
    return typeof value === 'number' && !Number.isNaN(value) ? value : undefined
  },
  boolean(value) {
    if (value === true || value === 1 || value === 'true' || value === '1') return true
    return value === false || value === 0 || value === 'false' || value === '0' ? false : undefined
  },
  date: toDate,
  datetime: toDate,
}

function toDate(value: unknown): Date | undefined {
  if (value instanceof Date) return validDate(value)
  if (typeof value === 'number') return validDate(new Date(value))
  return typeof value === 'string' ? dateOf(value) : undefined
}

function validDate(date: Date): Date | undefined {
  return Number.isNaN(date.getTime()) ? undefined : date
}

const ISO_DATE = /^(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/

/** The date of an ISO text; nothing for a date that does not exist, such as 30 February. */
export function dateOf(text: string): Date | undefined {
  const match = ISO_DATE.exec(text)
  if (!match) return undefined
  const [, year, month, day] = match.map(Number) as [number, number, number, number]
  const calendar = new Date(0)
  calendar.setUTCFullYear(year, month - 1, day)
  if (calendar.getUTCMonth() !== month - 1 || calendar.getUTCDate() !== day) return undefined
  return validDate(new Date(text))
}
