import type { RefusalCode } from '@rip/manager'

const PASSING: ReadonlySet<RefusalCode> = new Set(['superseded', 'held', 'stopping'])

/** Whether a refusal says nothing about the content that was refused. */
export function isPassing(code: RefusalCode): boolean {
  return PASSING.has(code)
}
