/** What a background process does, whichever way it is written. */
export interface BackgroundWork {
  /**
   * Loads, and checks, what can be without beginning.
   *
   * @throws WorkerError `RIP_BACKGROUND_MISSING`, and what `loadModule` throws
   */
  prepare(): Promise<void>
  /** Begins. Resolves when it did not fail at once. @throws what the application throws */
  begin(): Promise<void>
  /**
   * Ends what runs, within `deadlineMs`. Resolves when it has ended, or to `ends-by-itself` when the application was
   * told to and does so once it has nothing more to do.
   */
  end(deadlineMs: number): Promise<'ends-by-itself' | undefined>
}
