import type { Fleet, FleetState } from './state.ts'

const transitions: Readonly<Record<FleetState, readonly FleetState[]>> = {
  idle: ['starting', 'stopping'],
  starting: ['running', 'stopping'],
  running: ['stopping'],
  stopping: ['stopped'],
  stopped: [],
}

/** @throws Error when this cannot follow: the machine has lost track. */
export function enterState(fleet: Fleet, state: FleetState): void {
  if (!transitions[fleet.state].includes(state)) {
    throw new Error(`a fleet that is ${fleet.state} cannot be ${state}`)
  }
  fleet.state = state
}

/** A stop was asked for; until its delay is over everything is served as before. */
export function isStopping({ stop }: Fleet): boolean {
  return stop.isAsked
}
