import { withoutTlsPrefix } from '../tls/tls-failure.ts'

/**
 * Why a backend is put aside.
 *
 * - `refuses`: no process listens there. Certain, and found out at once.
 * - `insecure`: TLS is to be spoken there, and cannot be, or the server does not prove its identity. As certain.
 * - `silent`: connections are not taken in time.
 * - `suspect`: it takes connections, and requests fail there that succeed elsewhere.
 */
export type EjectionReason = 'refuses' | 'insecure' | 'silent' | 'suspect'

/** Why a backend is put aside, and until when. */
export interface Ejection {
  readonly reason: EjectionReason
  readonly forMs: number
  /** From then on a request that can be sent elsewhere tries a `suspect`. Milliseconds of the pool's clock. */
  readonly untilMs: number
  /** The backend has answered a question of the balancer's own since then: a request may try it. */
  readonly answers: boolean
  /** Questions or connections of the balancer's own that failed in the meantime. */
  unanswered: number
  /** What was wrong with it in particular, where that is known. */
  readonly detail: string | undefined
}

/** What is said about a backend that is put aside. */
const EJECTIONS: Readonly<Record<EjectionReason, string>> = {
  refuses: 'refuses connections',
  insecure: 'cannot be spoken to in TLS',
  silent: 'does not take connections in time',
  suspect: 'fails requests that others answer',
}

/** Why a backend is put aside, with what is known in particular. */
export function ejectionText(reason: EjectionReason, detail: string | undefined): string {
  return detail === undefined ? EJECTIONS[reason] : `${EJECTIONS[reason]}: ${withoutTlsPrefix(detail)}`
}

/** Whether it needs no comparison with others: any number of backends may be put aside for it. */
export const isCertain = (reason: EjectionReason): boolean => reason === 'refuses' || reason === 'insecure'

/** What has brought it back. */
export const READMISSIONS: Readonly<Record<EjectionReason, string>> = {
  refuses: 'it accepts connections',
  insecure: 'it proves who it is',
  silent: 'it accepts connections',
  suspect: 'it answered a request',
}
