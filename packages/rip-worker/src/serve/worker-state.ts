export type WorkerState = 'new' | 'starting' | 'ready' | 'draining' | 'closed'

const TRANSITIONS: Readonly<Record<WorkerState, readonly WorkerState[]>> = {
  new: ['starting', 'closed'],
  starting: ['ready', 'draining', 'closed'],
  ready: ['draining'],
  draining: ['closed'],
  closed: [],
}

/** The state to be in. @throws Error for a change that cannot happen */
export function changedState(from: WorkerState, to: WorkerState): WorkerState {
  if (!TRANSITIONS[from].includes(to)) throw new Error(`worker: ${from} → ${to} is not allowed`)
  return to
}
