/** Counts durations in buckets without keeping them. */
export class Histogram {
  private readonly bounds: readonly number[]
  private readonly boundsMs: Float64Array
  private readonly counts: Float64Array
  private sumMs = 0

  /** @param bounds upper bounds of the buckets, in seconds, ascending */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.boundsMs = Float64Array.from(bounds, (seconds) => seconds * 1000)
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(ms: number): void {
    const { boundsMs } = this
    let at = 0
    while (at < boundsMs.length && ms > boundsMs[at]!) at++
    this.counts[at]!++
    this.sumMs += ms
  }

  /** Adds what another one with the same bounds has counted. */
  add(other: Histogram): void {
    for (let at = 0; at < this.counts.length; at++) this.counts[at]! += other.counts[at]!
    this.sumMs += other.sumMs
  }

  /**
   * Series of a histogram, cumulative.
   *
   * @param labels such as `method="GET"`; empty for none
   * @param bounds those that are shown, each of them one of the histogram's own
   */
  lines(name: string, labels = '', bounds: readonly number[] = this.bounds): string[] {
    const before = labels === '' ? '' : `${labels},`
    const own = labels === '' ? '' : `{${labels}}`
    const shown = new Set(bounds)
    let total = 0
    const buckets = this.bounds.flatMap((bound, at) => {
      total += this.counts[at]!
      return shown.has(bound) ? [`${name}_bucket{${before}le="${bound}"} ${total}`] : []
    })
    total += this.counts[this.bounds.length]!
    return [
      ...buckets,
      `${name}_bucket{${before}le="+Inf"} ${total}`,
      `${name}_sum${own} ${this.sumMs / 1000}`,
      `${name}_count${own} ${total}`,
    ]
  }
}
