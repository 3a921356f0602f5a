/** Reads one field of a request, by its name in lower case. */
export type Field = (name: string) => string | null | undefined

/** What a client may compare its copy with. */
export interface Validators {
  /** Strong, in quotes. */
  readonly etag: string
  /** Whole seconds, as HTTP dates have them. */
  readonly modifiedMs: number
}

export interface ByteRange {
  readonly start: number
  /** The first byte that is not part of it. */
  readonly end: number
}

/** Whether the copy of the client is still good: RFC 9110 section 13.2.2, steps 3 and 4. */
export function isFresh(field: Field, { etag, modifiedMs }: Validators): boolean {
  const known = field('if-none-match')
  if (known) return known.trim() === '*' || known.split(',').some((each) => opaque(each) === etag)
  const sinceMs = Date.parse(field('if-modified-since') ?? '')
  return modifiedMs <= sinceMs
}

/**
 * The part that is asked for; `undefined` for all of it, as for several parts at once, and `'unsatisfiable'` beyond
 * the end: RFC 9110 section 14.2.
 */
export function rangeAsked(
  field: Field,
  size: number,
  validators: Validators,
): ByteRange | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(field('range') ?? '') ?? []
  if (first === undefined || last === undefined || first + last === '') return undefined
  if (!mayContinue(field('if-range'), validators)) return undefined
  if (first === '')
    return last === '0' || size === 0
      ? 'unsatisfiable'
      : { start: Math.max(0, size - Number(last)), end: size }
  const start = Number(first)
  const end = last === '' ? size : Math.min(size, Number(last) + 1)
  if (last !== '' && Number(last) < start) return undefined
  return start < size ? { start, end } : 'unsatisfiable'
}

/** `If-Range`: RFC 9110 section 13.1.5. A weak validator never matches. */
function mayContinue(condition: string | null | undefined, { etag, modifiedMs }: Validators): boolean {
  if (!condition) return true
  if (condition.includes('"')) return condition.trim() === etag
  return Date.parse(condition) === modifiedMs
}

/** Compared weakly: RFC 9110 section 8.8.3.2. */
function opaque(tag: string): string {
  return tag.trim().replace(/^W\//, '')
}
