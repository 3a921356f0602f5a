/** Half of the time that counts as recent. */
const BUCKET_MS = 5_000

/** How requests ended in the last five to ten seconds. Two buckets, so that noting one costs two comparisons. */
export class RecentOutcomes {
  private bucket = 0
  private answers = 0
  private failures = 0
  private answersBefore = 0
  private failuresBefore = 0

  note(answered: boolean, nowMs: number): void {
    this.turn(nowMs)
    if (answered) this.answers++
    else this.failures++
  }

  answered(nowMs: number): number {
    this.turn(nowMs)
    return this.answers + this.answersBefore
  }

  failed(nowMs: number): number {
    this.turn(nowMs)
    return this.failures + this.failuresBefore
  }

  private turn(nowMs: number): void {
    const bucket = Math.floor(nowMs / BUCKET_MS)
    if (bucket === this.bucket) return
    const isNext = bucket === this.bucket + 1
    this.answersBefore = isNext ? this.answers : 0
    this.failuresBefore = isNext ? this.failures : 0
    this.answers = this.failures = 0
    this.bucket = bucket
  }
}
