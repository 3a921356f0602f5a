/** Why a text is not the value it should be: what was expected, in words that follow "expected". */
export class Unacceptable extends Error {
  override readonly name = 'Unacceptable'
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

/** Milliseconds of `250ms`, `10s`, `5m`, `1h`, `1d`; a bare number is refused, since its unit is a guess. */
export function durationMs(text: string): number {
  return quantity(text, DURATION_UNITS, 'a duration such as 250ms, 30s or 5m')
}

/** Bytes of `64KiB`, `512MiB`, `300M`. */
export function sizeBytes(text: string): number {
  return quantity(text, SIZE_UNITS, 'a size such as 64KiB, 512MiB or 2GiB')
}

/** 0.9 of `90%`. */
export function share(text: string): number {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]
  if (percent !== undefined && Number(percent) >= 1 && Number(percent) <= 100) return Number(percent) / 100
  throw new Unacceptable('a share from 1% to 100%')
}

/** A whole number from `least` to `most`. */
export function count(text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (value >= least && value <= most) return value
  throw new Unacceptable(`a whole number from ${least} to ${most}`)
}

function quantity(text: string, units: Readonly<Record<string, number>>, expected: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text)
  const unit = match?.[2] === undefined ? undefined : units[match[2]]
  if (match?.[1] === undefined || unit === undefined) throw new Unacceptable(expected)
  return Math.round(Number(match[1]) * unit)
}
