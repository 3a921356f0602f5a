/**
 * The language's standard globals. Each function uses no helpers of this file, because its source text is pasted into
 * standalone scripts; see `inline.ts`.
 */

/** Writes the message to standard error, if there is one, and ends the process with code 1. */
export function abort(message?: unknown): never {
  if (message !== undefined) console.error(message)
  process.exit(1)
}

/** @throws {Error} With the message when the value is falsy. */
export function assert(value: unknown, message: string = 'Assertion failed'): asserts value {
  if (!value) throw new Error(message)
}

/** Ends the process. @default code 0 */
export function exit(code?: number): never {
  process.exit(code)
}

/**
 * The kind of a value in lower case: `array`, `null`, `date`, `regexp` and so on where `typeof` returns `object`, and
 * for an instance the name of its class.
 */
export function kind(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object' && typeof value !== 'function') return typeof value
  const made = Object.getPrototypeOf(value) as { constructor?: unknown } | null
  const maker = made?.constructor
  return typeof maker === 'function' && maker.name ? maker.name.toLowerCase() : 'object'
}

/** Does nothing. */
export function noop(): void {}

/** Prints its arguments. */
export function p(...values: unknown[]): void {
  console.log(...values)
}

/** Prints a value as Bun inspects it, in colour on a terminal, and returns it. */
export function pp<T>(value: T): T {
  if (typeof value === 'string') console.log(value)
  else console.dir(value, { depth: null })
  return value
}

/** Prints a value as JSON and returns it. @throws {TypeError} When the value contains itself. */
export function pj<T>(value: T): T {
  console.log(JSON.stringify(value, null, 2))
  return value
}

/** Prints a value in the syntax of Rip, or inspected if it has none, and returns it. */
export function pr<T>(value: T): T {
  const text = write(value, '', new Set())
  if (text === undefined) console.dir(value, { depth: null })
  else console.log(text)
  return value

  function write(item: unknown, indent: string, within: ReadonlySet<unknown>): string | undefined {
    if (item === null) return 'null'
    if (typeof item === 'string') return quote(item)
    if (typeof item === 'symbol') return writeSymbol(item)
    if (['number', 'boolean', 'undefined'].includes(typeof item))
      return Object.is(item, -0) ? '-0' : String(item as number)
    if (typeof item !== 'object' || within.has(item)) return undefined
    const outer = new Set([...within, item])
    const inner = `${indent}  `
    if (Array.isArray(item)) {
      const rows = item.map((element) => write(element, inner, outer))
      return block('[', ']', rows, indent)
    }
    const made: unknown = Object.getPrototypeOf(item)
    if (made !== null && made !== Object.prototype) return undefined
    const rows = Object.entries(item).map(([key, entry]) => {
      const written = write(entry, inner, outer)
      return written === undefined ? undefined : `${writeKey(key)}: ${written}`
    })
    return block('{', '}', rows, indent)
  }

  function block(
    open: string,
    close: string,
    rows: (string | undefined)[],
    indent: string,
  ): string | undefined {
    if (rows.includes(undefined)) return undefined
    if (rows.length === 0) return open + close
    return `${open}\n${rows.map((row) => `${indent}  ${row}\n`).join('')}${indent}${close}`
  }

  function quote(string: string): string {
    const body = JSON.stringify(string).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")
    return `'${body}'`
  }

  function writeSymbol(symbol: symbol): string | undefined {
    const name = Symbol.keyFor(symbol)
    return name !== undefined && /^[A-Za-z_$][\w$]*$/.test(name) ? `:${name}` : undefined
  }

  function writeKey(key: string): string {
    return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key)
  }
}

/**
 * Throws: a message, an error, or an error class with a message.
 *
 * @throws {Error} Always.
 */
export function raise(problem?: unknown, message?: string): never {
  if (problem instanceof Error) throw problem
  if (typeof problem === 'function') throw new (problem as new (message?: string) => Error)(message)
  throw new Error(problem === undefined ? undefined : String(problem as string))
}

/** A random number: in [0, 1), an integer below `a`, or an integer from `a` to `b` in either order. */
export function rand(a?: number, b?: number): number {
  if (b === undefined) return a ? Math.floor(Math.random() * a) : Math.random()
  const low = Math.min(a ?? 0, b)
  return low + Math.floor(Math.random() * (Math.max(a ?? 0, b) - low + 1))
}

/** Resolves after that many milliseconds. */
export function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}

/** Marks code that is not written yet. @throws {Error} Always. */
export function todo(message: string = 'Not implemented'): never {
  throw new Error(message)
}

/** Prints its arguments to standard error. */
export function warn(...values: unknown[]): void {
  console.warn(...values)
}

/** Groups the items of several arrays by position, as many as the first one has. */
export function zip(...arrays: (readonly unknown[])[]): unknown[][] {
  const [first = []] = arrays
  return first.map((_, index) => arrays.map((array) => array[index]))
}
