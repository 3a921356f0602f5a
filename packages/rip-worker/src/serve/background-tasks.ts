/** Promises handed to `waitUntil`: only the end of the worker waits for them. */
export class BackgroundTasks {
  readonly #running = new Set<Promise<unknown>>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  get size(): number {
    return this.#running.size
  }

  add(task: Promise<unknown>): void {
    const tracked: Promise<unknown> = Promise.resolve(task)
      .catch(this.#onError)
      .finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
  }
}
