const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
}

/** Milliseconds of `250ms`, `10s`, `5m`, `1h`; `undefined` when it is none of these. */
export function durationMs(text: string): number | undefined {
  return quantity(text, DURATION_UNITS)
}

/** Bytes of `512B`, `64KiB`, `1MiB`; `undefined` when it is none of these. */
export function sizeBytes(text: string): number | undefined {
  return quantity(text, SIZE_UNITS)
}

/** A bare number with the unit it probably lacks; `undefined` for anything else. */
export function withUnit(value: unknown, kind: 'duration' | 'size'): string | undefined {
  if (typeof value !== 'string' || !/^\d+(?:\.\d+)?$/.test(value)) return undefined
  const isSmall = Number(value) < (kind === 'size' ? 1_000_000 : 1_000)
  if (kind === 'size') return value + (isSmall ? 'MiB' : 'B')
  return value + (isSmall ? 's' : 'ms')
}

function quantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]+)$/.exec(text)
  const unit = match?.[2] === undefined ? undefined : units[match[2]]
  return unit === undefined ? undefined : Math.round(Number(match?.[1]) * unit)
}
