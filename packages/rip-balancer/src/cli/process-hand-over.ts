/** Environment variable that tells a process which backends are drained, from its start on. */
export const DRAINED = 'RIP_DRAINED'

/** A process ended before it was ready. */
export class ProcessEnded extends Error {
  override readonly name = 'ProcessEnded'
  readonly code: number

  constructor(code: number) {
    super(`the process ended with code ${code}`)
    this.code = code
  }
}
