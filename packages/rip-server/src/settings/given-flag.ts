/** A flag as it was given. */
export interface GivenFlag {
  /** Text of the value; `true` for a switch. */
  readonly value: string
  /** How it was written, such as `--workers 4` or `w:4`. */
  readonly written: string
}
