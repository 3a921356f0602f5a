/** How far a stop of everything has come. */
export class Stop {
  #dueMs = Infinity
  #byMs = Infinity
  #acceptingStopped = false
  #abandonedBefore = 0
  #abandonedByRouter: number | undefined = undefined

  /** When a stop that was asked for begins; infinite when none was. */
  get dueMs(): number {
    return this.#dueMs
  }

  /** When what is still under way is given up. */
  get byMs(): number {
    return this.#byMs
  }

  get isAsked(): boolean {
    return this.#dueMs < Infinity
  }

  /** No new connection can come. */
  get acceptingStopped(): boolean {
    return this.#acceptingStopped
  }

  get routerHasLeft(): boolean {
    return this.#abandonedByRouter !== undefined
  }

  /** The earliest of several requests to stop counts. */
  ask(dueMs: number): void {
    this.#dueMs = Math.min(this.#dueMs, dueMs)
  }

  /** @param abandoned requests that were abandoned before the stop */
  begin(byMs: number, abandoned: number): void {
    this.#byMs = byMs
    this.#abandonedBefore = abandoned
  }

  /** Time in which this process did not run does not count. */
  postpone(gapMs: number): void {
    this.#byMs += gapMs
  }

  stopAccepting(): void {
    this.#acceptingStopped = true
  }

  /** @param abandoned requests the router abandoned; the first count holds */
  routerLeft(abandoned: number): void {
    this.#abandonedByRouter ??= abandoned
  }

  /** Requests abandoned by the router alone. A worker may have abandoned, and counted, the same ones. */
  abandonedBeside(abandoned: number): number {
    return Math.max(0, this.#abandonedBefore + (this.#abandonedByRouter ?? 0) - abandoned)
  }
}
