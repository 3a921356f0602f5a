/** Memory for bytes that wait for slow clients, of all exchanges of a balancer together. */
export class BufferBudget {
  /** Changes when the configuration does. */
  maxBytes = 0
  private used = 0

  get usedBytes(): number {
    return this.used
  }

  /** @param part of the budget that may be used up @returns whether there was so much left; then it is taken */
  take(bytes: number, part: number): boolean {
    if (this.used + bytes > this.maxBytes * part) return false
    this.used += bytes
    return true
  }

  give(bytes: number): void {
    this.used -= bytes
  }
}

/** What one exchange has of the budget. */
export class BufferShare {
  private readonly budget: BufferBudget
  private bytes = 0

  constructor(budget: BufferBudget) {
    this.budget = budget
  }

  /** Sees to it that the share is at least so large. @param part of the budget that may be used up @returns whether it is */
  growTo(bytes: number, part = 1): boolean {
    const more = bytes - this.bytes
    if (more <= 0) return true
    if (!this.budget.take(more, part)) return false
    this.bytes = bytes
    return true
  }

  get isUsed(): boolean {
    return this.bytes > 0
  }

  /** Gives everything back. */
  free(): void {
    if (this.bytes === 0) return
    this.budget.give(this.bytes)
    this.bytes = 0
  }
}
