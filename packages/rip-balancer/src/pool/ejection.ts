/**
 * Why a backend is put aside.
 *
 * - `refuses`: nobody listens there. Certain, and found out at once.
 * - `silent`: connections are not taken in time.
 * - `suspect`: it takes connections, and requests fail there that succeed elsewhere.
 */
export type EjectionReason = 'refuses' | 'silent' | 'suspect'

/** That a backend is put aside, and until when. */
export interface Ejection {
  readonly reason: EjectionReason
  readonly forMs: number
  /** When it is looked at again: `suspect` by a question, the others by a connection. Milliseconds of the pool's clock. */
  readonly untilMs: number
  /** It has answered the balancer's own question since: a request may try it. */
  readonly answers: boolean
}

/** What is said about a backend that is put aside. */
export const EJECTIONS: Readonly<Record<EjectionReason, string>> = {
  refuses: 'refuses connections',
  silent: 'does not take connections in time',
  suspect: 'fails requests that others answer',
}

/** What has brought it back. */
export const READMISSIONS: Readonly<Record<EjectionReason, string>> = {
  refuses: 'it accepts connections',
  silent: 'it accepts connections',
  suspect: 'it answered a request',
}
