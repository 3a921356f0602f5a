import type { FrameOutput } from './frame-output.ts'

/** What those who handle the frames of a connection need of it. */
export interface FrameHost {
  /** The connection is over. */
  readonly isOver: boolean
  readonly output: FrameOutput
  /** Ends the connection with an error. @param code see `ERROR` */
  fail(code: number, reason: string): void
}
