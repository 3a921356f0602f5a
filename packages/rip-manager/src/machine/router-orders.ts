import type { Backend } from '../contract/router.ts'
import type { Fleet, Group, Rollout, Worker } from './state.ts'
import { readyWorkers } from './worker.ts'

interface Move {
  readonly type: 'prepare' | 'cut'
  readonly group: Group
}

/** Tells the router one thing at a time until it routes what the fleet is. */
export function route(fleet: Fleet): void {
  const { routing, effects } = fleet
  if (!routing.mayOrder(fleet.nowMs)) return
  const move = nextMove(fleet)
  if (move === undefined) return
  const { type, group } = move
  const generation = group.generation.id
  const backends = type === 'prepare' ? backendsOf(fleet, group) : []
  const token = fleet.tokens.next()
  routing.order({ token, type, generation, ids: new Set(backends.map(({ id }) => id)) })
  if (type === 'prepare') effects.prepare(token, generation, backends)
  else effects.cut(token, generation)
}

function nextMove(fleet: Fleet): Move | undefined {
  const { routing, serving, rollout, state } = fleet
  if (state === 'stopping' || state === 'stopped') return undefined
  if (serving !== undefined && isOutdated(fleet, serving)) return { type: 'prepare', group: serving }
  if (serving !== undefined && routing.cut !== serving.generation.id) return { type: 'cut', group: serving }
  if (rollout?.group === undefined || !isNearCut(rollout)) return emptyingMove(fleet)
  if (isOutdated(fleet, rollout.group)) return { type: 'prepare', group: rollout.group }
  return rollout.state === 'routing' ? { type: 'cut', group: rollout.group } : emptyingMove(fleet)
}

/** The router hears of the backends while the disk is looked at once more. */
function isNearCut({ state }: Rollout): boolean {
  return state === 'confirming' || state === 'routing'
}

/** The router may have switched to a generation that was given up. If there is none to switch back to, it gets no backends. */
function emptyingMove(fleet: Fleet): Move | undefined {
  if (fleet.serving !== undefined) return undefined
  for (const group of fleet.groups) {
    if (group.state === 'retiring' && group.served && isOutdated(fleet, group))
      return { type: 'prepare', group }
  }
  return undefined
}

function isOutdated({ routing }: Fleet, group: Group): boolean {
  const ready = readyWorkers(group).map(({ id }) => id)
  return !routing.uses(group.generation.id, ready)
}

function backendsOf({ config }: Fleet, group: Group): readonly Backend[] {
  const maxInFlight = config.concurrency
  return readyWorkers(group).map(({ id, socket, http2 }) => ({ id, socket, maxInFlight, http2 }))
}

/** No new request can reach the worker: the router has acknowledged so, or has never known it. */
export function isOutOfRotation(fleet: Fleet, { group, id }: Worker): boolean {
  const { routing, stop } = fleet
  if (fleet.state === 'stopping') return stop.acceptingStopped
  const generation = group.generation.id
  if (!routing.mayUse(generation, id)) return true
  if (group.state === 'serving') return false
  return routing.isCutAwayFrom(generation) && !mayBeDrawn(fleet, group)
}

/** The router gives the generation some requests, drawn by lot, though another one serves. */
function mayBeDrawn({ routing, nowMs }: Fleet, { drawnUntilMs, routerDone }: Group): boolean {
  return routing.online && !routerDone && nowMs < drawnUntilMs
}
