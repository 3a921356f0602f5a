/** A duration for people: `84 ms`, `1.2 s`, `3 min`, `2 h`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} d`
}

/** A latency for tables; less than a millisecond is not shown as 0. */
export function latencyText(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : durationText(ms)
}

/** Bytes for people: `48 MiB`. */
export function bytesText(bytes: number): string {
  if (bytes < 2 ** 20) return `${Math.round(bytes / 2 ** 10)} KiB`
  if (bytes < 2 ** 30) return `${Math.round(bytes / 2 ** 20)} MiB`
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}

/** A count or a rate for people, in few characters: `0.5`, `84`, `1.2k`, `3.4M`. */
export function rateText(count: number): string {
  if (count === 0) return '0'
  if (count < 9.95) return count.toFixed(1)
  return countText(Math.round(count))
}

/** A whole number for people, in few characters. */
export function countText(count: number): string {
  if (count < 10_000) return String(count)
  if (count < 999_500) return `${(count / 1_000).toFixed(count < 99_950 ? 1 : 0)}k`
  if (count < 999_500_000) return `${(count / 1_000_000).toFixed(1)}M`
  return `${(count / 1_000_000_000).toFixed(1)}G`
}

/** A share of 1 for people: `45 %`. */
export function percentText(share: number): string {
  const percent = share * 100
  return `${percent > 0 && percent < 0.95 ? percent.toFixed(1) : Math.round(percent)} %`
}
