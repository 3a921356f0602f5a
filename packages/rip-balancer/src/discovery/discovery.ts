import type { BackendConfig } from '../config/config.ts'

/** What a source of backends hands over: the complete list, whenever it changes. */
export type BackendList = readonly (string | BackendConfig)[]

/** Follows a source of backends until it ends, is stopped, or fails. */
export class Discovery implements AsyncDisposable {
  private readonly source: AsyncIterator<BackendList>
  private readonly apply: (list: BackendList) => void
  private readonly warn: (message: string) => void
  private stopped = false

  constructor(
    source: AsyncIterable<BackendList>,
    apply: (list: BackendList) => void,
    warn: (message: string) => void,
  ) {
    this.source = source[Symbol.asyncIterator]()
    this.apply = apply
    this.warn = warn
  }

  /** Resolves when the source has ended. A list that is not valid is reported and changes nothing. */
  async run(): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await this.source.next()
        if (done === true || this.stopped) return
        this.take(value)
      }
    } catch (error) {
      this.warn(`discovery has ended, the last backends stay: ${(error as Error).message}`)
    }
  }

  /** Takes nothing more from the source. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stopped = true
    // A source that is waiting cannot answer before it wakes; the balancer does not wait for it.
    void this.source.return?.()?.catch(() => undefined)
  }

  private take(list: BackendList): void {
    try {
      this.apply(list)
    } catch (error) {
      this.warn(`these backends are not used: ${(error as Error).message}`)
    }
  }
}
