/** What has happened since the start, in numbers. */
export class Counters {
  #admitted = 0
  #refused = 0
  #restarts = 0
  #abandoned = 0

  /** Generations that were cut over to. */
  get admitted(): number {
    return this.#admitted
  }

  /** Generations that were refused for their content. */
  get refused(): number {
    return this.#refused
  }

  /** Processes that were replaced because they had died: workers, and those that work in the background. */
  get restarts(): number {
    return this.#restarts
  }

  /** Requests that were abandoned. */
  get abandoned(): number {
    return this.#abandoned
  }

  admit(): void {
    this.#admitted += 1
  }

  refuse(): void {
    this.#refused += 1
  }

  restart(): void {
    this.#restarts += 1
  }

  abandon(requests: number): void {
    this.#abandoned += requests
  }
}
