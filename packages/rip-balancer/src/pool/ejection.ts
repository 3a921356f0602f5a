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
  /** When it is tried again: `suspect` by a request, the others by a connection. Milliseconds of the pool's clock. */
  readonly untilMs: number
}
