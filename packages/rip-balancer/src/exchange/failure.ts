import type { ClaimRefusal, Outcome } from '../pool/claim.ts'
import type { EndCause } from './record.ts'

/** Why a request was cut off that was being answered while its client went on. */
export const BODY_TOO_LARGE = 'the body of the request is larger than limits.body'

const statusOfCause: Readonly<Partial<Record<EndCause, number>>> = {
  'queue-full': 503,
  'queue-timeout': 503,
  'no-backend': 503,
  closing: 503,
  'long-lived-backend': 503,
  'long-lived-address': 503,
  'long-lived-total': 503,
  'connect-failed': 502,
  'connect-timeout': 504,
  'response-timeout': 504,
  'backend-reset': 502,
  'bad-response': 502,
  'local-failure': 503,
  'client-timeout': 408,
  'client-gone': 499,
}

/** Status that tells the client why there is no response of a backend; the only place that decides it. */
export function statusOfFailure(cause: EndCause): number {
  return statusOfCause[cause] ?? 500
}

const causeOfOutcome: Readonly<Record<Exclude<Outcome, 'ok'>, EndCause>> = {
  'connect-failed': 'connect-failed',
  'connect-timeout': 'connect-timeout',
  'response-timeout': 'response-timeout',
  reset: 'backend-reset',
  stale: 'backend-reset',
  'bad-response': 'bad-response',
  'client-gone': 'client-gone',
  'local-failure': 'local-failure',
}

/** How an exchange ends when its last attempt ended that way. */
export function causeOf(outcome: Exclude<Outcome, 'ok'> | ClaimRefusal): EndCause {
  return outcome in causeOfOutcome
    ? causeOfOutcome[outcome as Exclude<Outcome, 'ok'>]
    : (outcome as ClaimRefusal)
}
