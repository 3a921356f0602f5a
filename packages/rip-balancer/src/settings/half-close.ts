/**
 * What follows when a client ends its side of the connection while its request is being answered:
 *
 * - `answer`: it is answered; the backend hears nothing of it.
 * - `tell`: it is answered if the backend still answers; the backend is told, see `DepartureNotices`.
 * - `abort`: it has left; the connection to the backend is closed.
 */
export type HalfClose = (typeof HALF_CLOSES)[number]

export const HALF_CLOSES = ['answer', 'tell', 'abort'] as const
