import type { ManagerErrorCode } from '../contract/errors.ts'

/** Raised when a request or an answer changes its meaning; sent with each answer in {@link VERSION_HEADER}. */
export const CONTROL_VERSION = 1

export const VERSION_HEADER = 'rip-control-version'

/** How many bytes the answer of `POST /inspect` has. */
export const BYTES_HEADER = 'rip-bytes'

/** Events an instance keeps for readers that come later. */
export const EVENT_HISTORY = 1_000

/** Body of every answer that is neither 2xx nor a refused reload (409). */
export interface ControlFailure {
  readonly error: {
    readonly code: ManagerErrorCode | 'BAD_REQUEST' | 'NOT_FOUND' | 'METHOD_NOT_ALLOWED' | 'INTERNAL'
    readonly message: string
  }
}

/** Whether another process of the same instance has taken over; otherwise the one that was asked serves on. */
export type HandOverResult =
  { readonly ok: true; readonly pid: number } | { readonly ok: false; readonly message: string }

/** A balancer that wants to route to the workers of an instance. */
export interface BalancerIntroduction {
  readonly pid: number
  /** Path of the socket it takes orders on, `prepare`, `cut`, `drain`, which only its owner can open. */
  readonly socket: string
  /** Where clients reach it, for people; several addresses are separated by a space. */
  readonly listening?: string
}

/**
 * Notices of an instance to a balancer that joined it. `joined`: the balancer has the state of the others, and gets all
 * later orders. `leaving`: the instance waits until the balancer closes the connection, which it does when it sends
 * requests elsewhere, or nowhere.
 */
export type JoinNotice = { readonly type: 'joined' } | { readonly type: 'leaving' }
