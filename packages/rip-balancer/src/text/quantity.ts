type Units = Readonly<Record<string, number>>

const DURATION_UNITS: Units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const SIZE_UNITS: Units = {
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

/** Bare numbers from here on were probably meant in milliseconds, or in bytes: no operator wants to wait so many seconds. */
const LEAST_BARE_MS = 1_000
const LEAST_BARE_BYTES = 1_000_000

/** Words that mean a unit of time, by their beginning. */
const SPELT_DURATIONS = [
  [/^(?:ms|milli)/i, 'ms'],
  [/^s/i, 's'],
  [/^m/i, 'm'],
  [/^h/i, 'h'],
  [/^d/i, 'd'],
] as const

/** Milliseconds of `250ms`, `10s`, `1.5m`, `1h`, `1d`; `undefined` when it is none of these, such as a number without unit. */
export function durationMs(text: string): number | undefined {
  return quantity(text, DURATION_UNITS)
}

/** Bytes of `512B`, `64KiB`, `512MiB`, `300M`, `2GB`; `undefined` when it is none of these, such as a number without unit. */
export function sizeBytes(text: string): number | undefined {
  return quantity(text, SIZE_UNITS)
}

/** What a text was probably meant to be that is no quantity of this kind: with the unit it lacks, or with one that is spelt almost like its own. */
export function meantQuantity(text: string, kind: 'duration' | 'size'): string | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text) ?? []
  if (number === undefined) return undefined
  if (unit === '') return number + bareUnit(Number(number), kind)
  const units = kind === 'duration' ? DURATION_UNITS : SIZE_UNITS
  const meant = otherCase(unit, units) ?? (kind === 'duration' ? speltDuration(unit) : undefined)
  return meant && number + meant
}

function bareUnit(value: number, kind: 'duration' | 'size'): string {
  if (kind === 'duration') return value < LEAST_BARE_MS ? 's' : 'ms'
  return value < LEAST_BARE_BYTES ? 'MiB' : 'B'
}

function otherCase(unit: string, units: Units): string | undefined {
  return Object.keys(units).find((each) => each.toLowerCase() === unit.toLowerCase())
}

function speltDuration(word: string): string | undefined {
  return SPELT_DURATIONS.find(([spelling]) => spelling.test(word))?.[1]
}

function quantity(text: string, units: Units): number | undefined {
  const [, number, name = ''] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text) ?? []
  const unit = Object.hasOwn(units, name) ? units[name] : undefined
  return unit === undefined ? undefined : Math.round(Number(number) * unit)
}
