/** What a load generator saw. */
export interface LoadResult {
  readonly requestsPerSecond: number
  readonly requests: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Socket errors and answers other than 2xx and 3xx. */
  readonly failed: number
}
