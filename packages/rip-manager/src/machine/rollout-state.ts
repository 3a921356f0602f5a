/**
 * `building`: its code is being compiled; `candidate`: its first worker boots; `verifying`: the verifier asks that
 * worker; `filling`: the other workers boot; `confirming`: the disk is looked at once more, while the
 * router hears of the workers; `routing`: the router is told to switch. `serving` and `ended` are the two ends.
 */
export type RolloutState =
  'building' | 'candidate' | 'verifying' | 'filling' | 'confirming' | 'routing' | 'serving' | 'ended'

export type RolloutEvent =
  /** The code is there: compiled, loaded from disk, or kept for a rollback. */
  | 'built'
  /** Workers of the generation still stand by from when it served. */
  | 'found-standby'
  /** The first worker is ready and has to be verified. */
  | 'ready'
  /** The first worker is ready and verified. */
  | 'proven'
  /** Enough workers are ready. */
  | 'filled'
  /** The disk still has the content, or the content of the disk does not matter. */
  | 'confirmed'
  /** The router has acknowledged the switch. */
  | 'cut'
  /** Refused, or given up for something newer. */
  | 'ended'

const transitions: Readonly<Record<RolloutState, { readonly [Event in RolloutEvent]?: RolloutState }>> = {
  building: { built: 'candidate', 'found-standby': 'filling', ended: 'ended' },
  candidate: { ready: 'verifying', proven: 'filling', ended: 'ended' },
  verifying: { proven: 'filling', ended: 'ended' },
  // What is returned to was confirmed when it came.
  filling: { filled: 'confirming', confirmed: 'routing', ended: 'ended' },
  confirming: { confirmed: 'routing', ended: 'ended' },
  routing: { cut: 'serving', ended: 'ended' },
  serving: {},
  ended: {},
}

/** Moves a rollout on. @throws Error when this cannot happen in its state: the machine has lost track */
export function advance(rollout: { state: RolloutState }, event: RolloutEvent): void {
  rollout.state = nextState(rollout.state, event)
}

/** @throws Error when this cannot happen in this state: the machine has lost track */
export function nextState(state: RolloutState, event: RolloutEvent): RolloutState {
  const next = transitions[state][event]
  if (next === undefined) throw new Error(`a rollout that is ${state} cannot be ${event}`)
  return next
}
