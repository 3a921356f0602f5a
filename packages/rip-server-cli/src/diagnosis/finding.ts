/** One thing that was looked at, and what to do about it. */
export interface Finding {
  readonly name: string
  readonly value: string
  /** What is wrong with it, and what comes of that; absent when nothing should be done. */
  readonly advice?: string
  /** Commands and settings that change it, each with a remark behind `#` where there are several. */
  readonly remedies?: readonly string[]
}

/** What is wrong with a finding, and what to type. */
export type Problem = Required<Pick<Finding, 'advice' | 'remedies'>>
