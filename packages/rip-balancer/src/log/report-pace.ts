/** Between two reports of the same kind. */
export const REPORT_PAUSE_MS = 60_000
/** Number of kinds that are remembered, where clients or addresses make them. */
const MAX_KINDS = 1_000

/** Keeps the log readable: each kind of report is made at once the first time, and from then on once in a while, by default once a minute at most. */
export class ReportPace<Kind> {
  private readonly nowMs: () => number
  private readonly pauseMs: number
  private readonly told = new Map<Kind, { readonly atMs: number; untold: number }>()

  /** @param nowMs monotonic milliseconds @param pauseMs between two reports of a kind */
  constructor(nowMs: () => number = () => performance.now(), pauseMs: number = REPORT_PAUSE_MS) {
    this.nowMs = nowMs
    this.pauseMs = pauseMs
  }

  /** @returns how many reports of the kind were left out since the last one; `undefined` if this one is left out, too */
  next(kind: Kind): number | undefined {
    const atMs = this.nowMs()
    const told = this.told.get(kind)
    if (told !== undefined && atMs - told.atMs < this.pauseMs) return void told.untold++
    if (told === undefined && this.told.size >= MAX_KINDS) this.told.clear()
    this.told.set(kind, { atMs, untold: 0 })
    return told?.untold ?? 0
  }
}

/** How a report tells of those that were left out before it. */
export function moreBefore(untold: number): string {
  return untold === 0 ? '' : `, and ${untold} more before`
}
