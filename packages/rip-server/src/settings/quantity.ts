import { durationMs as parseDuration, meantQuantity, sizeBytes as parseSize } from '@rip/balancer/text'

/** Why a text is not the value it should be: what was expected, in words that follow "expected". */
export class Unacceptable extends Error {
  override readonly name = 'Unacceptable'
  /** The value that was probably meant. */
  readonly meant: string | undefined

  constructor(expected: string, meant?: string) {
    super(expected)
    this.meant = meant
  }
}

/** The end of a message about a value that cannot be used. */
export function unacceptableText({ message, meant }: Unacceptable, given: string): string {
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`
  return `expected ${message}, got ${JSON.stringify(given)}${hint}`
}

/** Milliseconds of `250ms`, `10s`, `5m`, `1h`, `1d`; a bare number is refused, because its unit would be a guess. */
export function durationMs(text: string): number {
  return parseDuration(text) ?? refuse('a duration such as 250ms, 30s or 5m', meantQuantity(text, 'duration'))
}

/** Bytes of `64KiB`, `512MiB`, `300M`. */
export function sizeBytes(text: string): number {
  return parseSize(text) ?? refuse('a size such as 64KiB, 512MiB or 2GiB', meantQuantity(text, 'size'))
}

function refuse(expected: string, meant: string | undefined): never {
  throw new Unacceptable(expected, meant)
}

/** A parser that refuses zero; `what` is the value it expects instead. */
export function someOf(parse: (text: string) => number, what = 'more than 0'): (text: string) => number {
  return (text) => {
    const value = parse(text)
    if (value > 0) return value
    throw new Unacceptable(what)
  }
}

/** Share of a whole: 0.9 for `90%`. */
export function share(text: string): number {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]
  if (percent !== undefined && Number(percent) >= 1 && Number(percent) <= 100) return Number(percent) / 100
  const number = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN
  const meant = number > 0 && number <= 1 ? number * 100 : number
  throw new Unacceptable('a share from 1% to 100%', meant > 0 && meant <= 100 ? `${meant}%` : undefined)
}

/** A whole number from `least` to `most`. */
export function count(text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (value >= least && value <= most) return value
  throw new Unacceptable(`a whole number from ${least} to ${most}`)
}
