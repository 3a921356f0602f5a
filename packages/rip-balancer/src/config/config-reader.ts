import { CONTROLS, escaped } from '../text/one-line.ts'
import { isAddressBlock } from './address-blocks.ts'
import { durationMs, meantQuantity, sizeBytes } from '../text/quantity.ts'
import { isWeight, WEIGHT_FORM } from './weight.ts'
import { didYouMean, suggestion } from '../text/suggestion.ts'

type Fields = Readonly<Record<string, unknown>>

/** A value as a message shows it, in one line: JSON leaves some characters that end lines. */
export function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').replace(CONTROLS, escaped)
}

/**
 * Reads one object of a configuration: takes each known key once, notes every problem with its path, and in the
 * end every key that was not read. A member that is absent or wrong reads as its default, so that reading goes on.
 */
export class ConfigReader {
  private readonly path: string
  private readonly fields: Fields
  private readonly problems: string[]
  private readonly known = new Set<string>()

  constructor(value: unknown, path: string, problems: string[]) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (!isObject && value !== undefined)
      problems.push(`${path || 'configuration'}: expected an object, got ${shown(value)}`)
    this.fields = isObject ? (value as Fields) : {}
    this.path = path
    this.problems = problems
  }

  /** Whether the key is present. */
  has(key: string): boolean {
    this.known.add(key)
    return this.fields[key] !== undefined
  }

  raw(key: string): unknown {
    this.known.add(key)
    return this.fields[key]
  }

  object(key: string): ConfigReader {
    return new ConfigReader(this.raw(key), this.pathOf(key), this.problems)
  }

  text(key: string): string | undefined {
    return this.take(key, 'a text', (value) =>
      typeof value === 'string' && value !== '' ? value : undefined,
    )
  }

  flag(key: string, fallback: boolean): boolean {
    return (
      this.take(key, 'true or false', (value) => (typeof value === 'boolean' ? value : undefined)) ?? fallback
    )
  }

  /** A whole number. */
  count(key: string, fallback: number, least = 0): number {
    const read = (value: unknown): number | undefined =>
      Number.isSafeInteger(value) && (value as number) >= least ? (value as number) : undefined
    return this.take(key, `a whole number from ${least} on`, read) ?? fallback
  }

  weight(key: string, fallback: number): number {
    const read = (value: unknown): number | undefined => (isWeight(value) ? value : undefined)
    return this.take(key, WEIGHT_FORM, read) ?? fallback
  }

  oneOf<T extends string>(key: string, words: readonly T[], fallback: T): T {
    const read = (value: unknown): T | undefined => words.find((word) => word === value)
    const value = this.raw(key)
    const isUnknown = typeof value === 'string' && read(value) === undefined
    const closest = isUnknown ? suggestion(value, words) : undefined
    return this.take(key, `one of ${words.join(', ')}`, read, closest) ?? fallback
  }

  /** Milliseconds: a number, or a text such as `30s`; `off` is `Infinity` where that is allowed. */
  duration(key: string, fallback: number): number {
    const read = (value: unknown): number | undefined => quantity(value, durationMs, fallback)
    const meant = meantOf(this.raw(key), 'duration')
    return this.take(key, 'milliseconds or a duration such as 250ms, 10s or 5m', read, meant) ?? fallback
  }

  /** Bytes: a number, or a text such as `64KiB`. */
  size(key: string, fallback: number): number {
    const read = (value: unknown): number | undefined => quantity(value, sizeBytes, fallback)
    const meant = meantOf(this.raw(key), 'size')
    return this.take(key, 'bytes or a size such as 64KiB or 1MiB', read, meant) ?? fallback
  }

  addressBlocks(key: string): readonly string[] {
    const read = (value: unknown): readonly string[] | undefined =>
      Array.isArray(value) && value.every((each) => typeof each === 'string' && isAddressBlock(each))
        ? (value as string[])
        : undefined
    return this.take(key, 'a list of addresses or CIDR blocks, or "unix"', read) ?? []
  }

  words(key: string, fallback: readonly string[]): readonly string[] {
    const read = (value: unknown): readonly string[] | undefined =>
      Array.isArray(value) && value.every((each) => typeof each === 'string')
        ? (value as string[])
        : undefined
    return this.take(key, 'a list of texts', read) ?? fallback
  }

  /** The members of a list, or the one value in its place, each with its path. */
  list<T>(key: string, read: (value: unknown, path: string) => T | undefined): T[] {
    const value = this.raw(key)
    if (value === undefined) return []
    const values = Array.isArray(value) ? value : [value]
    const path = this.pathOf(key)
    return values.flatMap((each, at) => read(each, Array.isArray(value) ? `${path}[${at}]` : path) ?? [])
  }

  problem(key: string, expected: string, meant?: string): undefined {
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`
    this.problems.push(`${this.pathOf(key)}: expected ${expected}, got ${shown(this.fields[key])}${hint}`)
    return undefined
  }

  /** Notes every key that was not read. @param foreign keys of other programs, and what they are called here */
  end(foreign: Readonly<Record<string, string>> = {}): void {
    for (const key of Object.keys(this.fields)) {
      if (this.known.has(key)) continue
      const ours = Object.hasOwn(foreign, key) ? foreign[key] : undefined
      const hint = ours === undefined ? didYouMean(key, this.known) : `; did you mean ${ours}?`
      this.problems.push(`${this.pathOf(key)}: unknown key${hint}`)
    }
  }

  private take<T>(
    key: string,
    expected: string,
    read: (value: unknown) => T | undefined,
    meant?: string,
  ): T | undefined {
    const value = this.raw(key)
    if (value === undefined) return undefined
    return read(value) ?? this.problem(key, expected, meant)
  }

  private pathOf(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`
  }
}

const meantOf = (value: unknown, kind: 'duration' | 'size'): string | undefined =>
  typeof value === 'string' ? meantQuantity(value, kind) : undefined

/** `off` means no limit only for options whose own default shows that they can be off. */
function quantity(
  value: unknown,
  parse: (text: string) => number | undefined,
  fallback: number,
): number | undefined {
  if (value === 'off') return fallback === 0 ? 0 : Number.POSITIVE_INFINITY
  if (typeof value === 'string') return parse(value)
  return typeof value === 'number' && value >= 0 ? value : undefined
}

/** An object as it is; a text as the `address` of one. */
export const asObject = (value: unknown): unknown => (typeof value === 'string' ? { address: value } : value)
