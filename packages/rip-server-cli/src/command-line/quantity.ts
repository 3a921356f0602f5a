/** Why a text is not the value it should be: what was expected, in words that follow "expected". */
export class Unacceptable extends Error {
  override readonly name = 'Unacceptable'
  /** What was probably meant. */
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

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  // What people write who come from other servers: `300M`.
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
}

/** Bare numbers from here on were probably meant in milliseconds, or in bytes: nobody waits so many seconds. */
const LEAST_BARE_MS = 1_000
const LEAST_BARE_BYTES = 1_000_000

/** Milliseconds of `250ms`, `10s`, `5m`, `1h`, `1d`; a bare number is refused, since its unit is a guess. */
export function durationMs(text: string): number {
  return quantity(text, DURATION_UNITS, {
    expected: 'a duration such as 250ms, 30s or 5m',
    unitOf: (value) => (value < LEAST_BARE_MS ? 's' : 'ms'),
  })
}

/** Bytes of `64KiB`, `512MiB`, `300M`. */
export function sizeBytes(text: string): number {
  return quantity(text, SIZE_UNITS, {
    expected: 'a size such as 64KiB, 512MiB or 2GiB',
    unitOf: (value) => (value < LEAST_BARE_BYTES ? 'MiB' : 'B'),
  })
}

/** A quantity of which there has to be some; `what` says so. */
export function someOf(parse: (text: string) => number, what = 'more than 0'): (text: string) => number {
  return (text) => {
    const value = parse(text)
    if (value > 0) return value
    throw new Unacceptable(what)
  }
}

/** 0.9 of `90%`. */
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

interface Kind {
  readonly expected: string
  /** The unit a bare number was probably meant in. */
  readonly unitOf: (value: number) => string
}

function quantity(text: string, units: Readonly<Record<string, number>>, kind: Kind): number {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text)
  const unit = match?.[2] === undefined ? undefined : units[match[2]]
  if (match?.[1] === undefined || unit === undefined)
    throw new Unacceptable(kind.expected, match === null ? undefined : meant(match, units, kind))
  return Math.round(Number(match[1]) * unit)
}

/** The number with the unit it lacks, or with the one that is spelt almost like its own. */
function meant(
  [, number = '', given = '']: RegExpExecArray,
  units: Readonly<Record<string, number>>,
  { unitOf }: Kind,
): string | undefined {
  if (given === '') return number + unitOf(Number(number))
  const unit = Object.keys(units).find((each) => each.toLowerCase() === given.toLowerCase())
  const spelt = /^(ms|milli)|^(s)|^(m)|^(h)|^(d)/i.exec(given)?.slice(1)
  const word = spelt?.findIndex((each) => each !== undefined) ?? -1
  const named = 's' in units && word >= 0 ? ['ms', 's', 'm', 'h', 'd'][word] : undefined
  return (unit ?? named) === undefined ? undefined : number + (unit ?? named)
}
