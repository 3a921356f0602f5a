import type { StateTable } from './state-table.ts'

/**
 * Where a balancer is.
 *
 * - `new`: nothing has been opened;
 * - `starting`: the admin API and the metrics are being opened;
 * - `opened`: they are; clients are listened to, or will be at the first cut;
 * - `ready`: the start is complete;
 * - `draining`: nothing new is accepted, requests end;
 * - `closed`: everything is cut, and resources are being freed.
 */
export type BalancerState = 'new' | 'starting' | 'opened' | 'ready' | 'draining' | 'closed'

/** What a balancer is told (`start`, `drain`, `close`), and how far its start has come (`opened`, `ready`). */
export type BalancerStep = 'start' | 'opened' | 'ready' | 'drain' | 'close'

export const BALANCER_STATES: StateTable<BalancerState, BalancerStep> = {
  new: { start: 'starting', drain: 'draining', close: 'closed' },
  starting: { opened: 'opened', drain: 'draining', close: 'closed' },
  opened: { ready: 'ready', drain: 'draining', close: 'closed' },
  ready: { drain: 'draining', close: 'closed' },
  // A start may still be under way.
  draining: { opened: 'draining', ready: 'draining', drain: 'draining', close: 'closed' },
  closed: { drain: 'closed' },
}
