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
