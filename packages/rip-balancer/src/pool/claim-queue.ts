import type { Claimant } from './claim.ts'

interface Entry {
  readonly claimant: Claimant
  readonly sinceMs: number
  previous: Entry | undefined
  next: Entry | undefined
}

/** Requests that wait for a backend, in order. Joining, leaving and taking the first cost the same however many wait. */
export class ClaimQueue {
  maxLength: number
  private readonly entries = new Map<Claimant, Entry>()
  private first: Entry | undefined
  private last: Entry | undefined

  constructor(maxLength: number) {
    this.maxLength = maxLength
  }

  get length(): number {
    return this.entries.size
  }

  get isFull(): boolean {
    return this.entries.size >= this.maxLength
  }

  /** The one that has waited longest. */
  get head(): Claimant | undefined {
    return this.first?.claimant
  }

  /** When the head joined, in milliseconds of the pool's clock. */
  get headSinceMs(): number | undefined {
    return this.first?.sinceMs
  }

  join(claimant: Claimant, nowMs: number): void {
    const entry: Entry = { claimant, sinceMs: nowMs, previous: this.last, next: undefined }
    if (this.last === undefined) this.first = entry
    else this.last.next = entry
    this.last = entry
    this.entries.set(claimant, entry)
  }

  /** @returns whether it was waiting */
  leave(claimant: Claimant): boolean {
    const entry = this.entries.get(claimant)
    if (entry === undefined) return false
    this.entries.delete(claimant)
    if (entry.previous === undefined) this.first = entry.next
    else entry.previous.next = entry.next
    if (entry.next === undefined) this.last = entry.previous
    else entry.next.previous = entry.previous
    return true
  }
}
