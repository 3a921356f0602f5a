import type { ServerPlan } from './server-plan.ts'

/** Whether processes are kept ready for the next change of the code. */
export function isWarm({ mode, command }: ServerPlan): boolean {
  return mode === 'development' && command === undefined
}
