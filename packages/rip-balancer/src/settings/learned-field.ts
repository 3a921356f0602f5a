/** What the policy `learn` learns, and for how long. */
export interface LearnedFieldOptions {
  /** Name of the field in responses and requests. */
  readonly name: string
  /** Values that are known at most. */
  readonly entries: number
  /** A value that no request used for so long is forgotten. */
  readonly lifetimeMs: number
  /** File of the memory that several balancers share; `undefined` for one alone. */
  readonly sharedFile: string | undefined
}
