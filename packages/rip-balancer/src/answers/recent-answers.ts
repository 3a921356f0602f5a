/** How far back answers are counted: those of the oldest part are forgotten together. */
export interface AnswerSpan {
  readonly partMs: number
  readonly parts: number
  /** Whether sums of what was forgotten are kept, for {@link RecentAnswers.total}. @default false */
  readonly isTotalled?: boolean
}

/** The last minute. */
export const MINUTE: AnswerSpan = { partMs: 10_000, parts: 6 }
/** Answers by the first digit of their status, 1 to 5, and those that failed. */
const FAILED = 5
const LATENCIES = 6
/** Durations up to this one share a bucket. */
const SHORTEST_MS = 0.25
/** A bucket is 19 % wider than the one before, so that its middle is at most 9 % off. */
const BUCKETS_PER_DOUBLING = 4
/** The last bucket begins above four minutes. */
const BUCKETS = 81
/** The longest duration of each bucket but the last one. */
const BUCKET_ENDS_MS = Float64Array.from({ length: BUCKETS - 1 }, (_, bucket) => endOf(bucket))
/** Longer ones are all in the last bucket. */
const LONGEST_MS = endOf(BUCKETS - 1)
const COLUMNS = LATENCIES + BUCKETS

/** How a backend, or all of a generation, answered lately: counts that can be added to those of other processes. */
export interface AnswerCounts {
  /** How long was counted, at most. */
  readonly windowMs: number
  /** Answers with a status of 1xx, 2xx, 3xx, 4xx, 5xx. */
  readonly statuses: readonly number[]
  /** Answers with a 5xx status, and those the backend cut off or did not give in time. */
  readonly failed: number
  /** Answers by how long the backend took to begin them; read by {@link latencyMs}. */
  readonly latencies: readonly number[]
}

/** Counts recent answers by status and by duration: fixed memory, and nothing is allocated to count one. */
export class RecentAnswers {
  private readonly counts: Uint32Array
  private readonly partMs: number
  private readonly parts: number
  private readonly sinceMs: number
  /** Sums of what was forgotten, if they are kept. */
  private readonly forgotten: Float64Array | undefined
  private part: number
  /** When that part ends, and where its counts begin. */
  private partEndMs = 0
  private partAt = 0

  /**
   * @param nowMs on the monotonic clock
   * @param span is a minute unless said otherwise
   */
  constructor(nowMs: number = performance.now(), { partMs, parts, isTotalled }: AnswerSpan = MINUTE) {
    this.forgotten = isTotalled === true ? new Float64Array(COLUMNS) : undefined
    this.counts = new Uint32Array(parts * COLUMNS)
    this.partMs = partMs
    this.parts = parts
    this.sinceMs = nowMs
    this.part = this.partOf(nowMs)
    this.enter(this.part)
  }

  /**
   * @param latencyMs from the claim of the backend to the head of its response
   * @param weight of how many answers this is one
   */
  count(status: number, failed: boolean, latencyMs: number, nowMs: number, weight = 1): void {
    // Nothing is divided for the time of an answer: this is called twice for each request.
    if (nowMs >= this.partEndMs) this.turn(nowMs)
    const at = this.partAt
    const digit = Math.floor(status / 100)
    if (digit >= 1 && digit <= 5) this.counts[at + digit - 1]! += weight
    if (failed) this.counts[at + FAILED]! += weight
    this.counts[at + LATENCIES + bucketOf(latencyMs)]! += weight
  }

  /** Whether there is nothing to remember. */
  isEmpty(nowMs: number): boolean {
    this.turn(nowMs)
    return this.counts.every((count) => count === 0)
  }

  read(nowMs: number = performance.now()): AnswerCounts {
    this.turn(nowMs)
    const beginMs = Math.max(this.sinceMs, (this.part - this.parts + 1) * this.partMs)
    return countsOf(this.kept(), nowMs - beginMs)
  }

  /** All that was counted. The difference of two of these is what was counted in between. */
  total(nowMs: number = performance.now()): AnswerCounts {
    const { forgotten } = this
    if (forgotten === undefined) throw new Error('totals are kept only if the span is totalled')
    this.turn(nowMs)
    const sums = this.kept().map((count, column) => count + forgotten[column]!)
    return countsOf(sums, nowMs - this.sinceMs)
  }

  /** Sums of the parts there are. */
  private kept(): number[] {
    const sums = Array.from({ length: COLUMNS }, () => 0)
    for (let at = 0; at < this.counts.length; at++) sums[at % COLUMNS]! += this.counts[at]!
    return sums
  }

  /** Forgets what is too old. */
  private turn(nowMs: number): void {
    const part = this.partOf(nowMs)
    const over = Math.min(this.parts, part - this.part)
    for (let n = 0; n < over; n++) {
      const at = ((part - n) % this.parts) * COLUMNS
      if (this.forgotten !== undefined) this.keep(this.forgotten, at)
      this.counts.fill(0, at, at + COLUMNS)
    }
    if (part > this.part) this.enter(part)
  }

  private enter(part: number): void {
    this.part = part
    this.partEndMs = (part + 1) * this.partMs
    this.partAt = (part % this.parts) * COLUMNS
  }

  private keep(forgotten: Float64Array, at: number): void {
    for (let column = 0; column < COLUMNS; column++) forgotten[column]! += this.counts[at + column]!
  }

  private partOf(nowMs: number): number {
    return Math.floor(nowMs / this.partMs)
  }
}

function countsOf(sums: readonly number[], windowMs: number): AnswerCounts {
  const latencies = sums.slice(LATENCIES)
  return {
    windowMs: Math.max(0, Math.round(windowMs)),
    statuses: sums.slice(0, FAILED),
    failed: sums[FAILED]!,
    latencies: latencies.slice(0, latencies.findLastIndex((count) => count > 0) + 1),
  }
}

/** The counts of several processes as if they were those of one. */
export function sumAnswers(all: readonly AnswerCounts[]): AnswerCounts {
  const added = (lists: readonly (readonly number[])[]): number[] => {
    const length = Math.max(0, ...lists.map((list) => list.length))
    return Array.from({ length }, (_, at) => lists.reduce((sum, list) => sum + (list[at] ?? 0), 0))
  }
  return {
    windowMs: Math.max(0, ...all.map(({ windowMs }) => windowMs)),
    statuses: added([[0, 0, 0, 0, 0], ...all.map(({ statuses }) => statuses)]),
    failed: all.reduce((sum, { failed }) => sum + failed, 0),
    latencies: added(all.map(({ latencies }) => latencies)),
  }
}

/** How many answers were counted. */
export function answerCount({ latencies }: Pick<AnswerCounts, 'latencies'>): number {
  return latencies.reduce((sum, count) => sum + count, 0)
}

/**
 * Milliseconds within which this part of the answers began, at most 9 % off; `undefined` when there was none.
 *
 * @param part between 0 and 1, such as 0.99
 */
export function latencyMs(counts: Pick<AnswerCounts, 'latencies'>, part: number): number | undefined {
  const wanted = answerCount(counts) * part
  let seen = 0
  for (const [bucket, count] of counts.latencies.entries()) {
    seen += count
    if (count > 0 && seen >= wanted) return middleOf(bucket)
  }
  return undefined
}

/** The search begins at the doublings that are whole: to compute a logarithm takes longer than all else that is counted. */
function bucketOf(ms: number): number {
  if (!(ms > SHORTEST_MS)) return 0
  const doublings = 31 - Math.clz32(Math.min(ms, LONGEST_MS) / SHORTEST_MS)
  let bucket = doublings * BUCKETS_PER_DOUBLING
  while (bucket < BUCKET_ENDS_MS.length && ms > BUCKET_ENDS_MS[bucket]!) bucket++
  return bucket
}

function endOf(bucket: number): number {
  return SHORTEST_MS * 2 ** (bucket / BUCKETS_PER_DOUBLING)
}

/** The geometric middle of a bucket. */
function middleOf(bucket: number): number {
  return endOf(bucket - 0.5)
}
