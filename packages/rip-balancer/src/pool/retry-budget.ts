import { RETRY_BUDGET_MAX, RETRY_BUDGET_RESERVE, RETRY_BUDGET_SHARE } from '../defaults.ts'

/** Keeps retries a small share of all requests, so that a failing backend is not hit twice as hard. */
export class RetryBudget {
  private tokens = RETRY_BUDGET_RESERVE

  /** A request was taken. */
  earn(): void {
    this.tokens = Math.min(RETRY_BUDGET_MAX, this.tokens + RETRY_BUDGET_SHARE)
  }

  /** @returns whether one more retry may be made */
  spend(): boolean {
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }
}
