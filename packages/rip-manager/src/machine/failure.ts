import type { BootFailure } from '@rip/worker/protocol'
import type { ExitReason } from '../contract/exit-reason.ts'
import { isOutsideSignal } from './exit-reason.ts'

/** The shell's convention for a program that SIGTERM has interrupted: 128 + 15. */
const TERM_EXIT_CODE = 143

/** Why something that was to serve does not. */
export interface Failure {
  readonly message: string
  /** The failure says nothing about the content: the next attempt may succeed. */
  readonly byChance?: boolean
  readonly failure?: BootFailure
  readonly stderr?: string
}

export function fromBootFailure(failure: BootFailure, stderr?: string): Failure {
  return { message: failure.message, failure, ...(stderr === undefined || stderr === '' ? {} : { stderr }) }
}

/** Why a worker that was to serve did not, in a sentence about `subject`. */
export function failureOf(exit: ExitReason, subject: string = 'it'): Failure {
  if (exit.kind === 'boot-failed') return fromBootFailure(exit.failure)
  if (exit.kind === 'boot-timeout') return { message: `${subject} was not ready within ${exit.afterMs} ms` }
  if (exit.kind === 'oom')
    return {
      message: `the system killed ${subject} for want of memory: raise the memory limit, or run fewer workers`,
      byChance: true,
    }
  if (exit.kind !== 'crashed') return { message: `${subject} ended early (${exit.kind})`, byChance: true }
  const how = exit.signal === null ? `with code ${exit.code}` : `by ${exit.signal}`
  const stderr = exit.stderr === '' ? {} : { stderr: exit.stderr }
  return {
    message: `${subject} ended ${how} before it served`,
    byChance: isOutsideSignal(exit.signal) || exit.code === TERM_EXIT_CODE,
    ...stderr,
  }
}
