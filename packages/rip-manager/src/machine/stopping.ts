import { ManagerError } from '../contract/errors.ts'
import type { Refusal } from '../contract/refusal.ts'
import { answerAll, answerStaying } from './answers.ts'
import { hasBackground, killBackground } from './background.ts'
import { disband, retire } from './group.ts'
import { enterState } from './life.ts'
import { takeStandby } from './observation.ts'
import { refusalOf } from './refusal.ts'
import { dropRestart } from './restart.ts'
import { dropRollback } from './rollback.ts'
import { isCutting, supersede } from './rollout-end.ts'
import { failScaling } from './scaling.ts'
import type { Fleet } from './state.ts'

/** Announces the stop. Until the delay is over requests are served as before, so that load balancers can turn away. */
export function askToStop(fleet: Fleet, { delay }: { readonly delay: boolean }): void {
  const { stop, nowMs } = fleet
  const delayMs = delay && fleet.state === 'running' ? fleet.config.stopDelayMs : 0
  const wasAsked = stop.isAsked
  stop.ask(nowMs + delayMs)
  if (wasAsked) return
  fleet.effects.emit({ type: 'stopping', ...(delayMs > 0 && { delayMs }) })
  // A switch that has been ordered is awaited: the router may follow it any moment.
  if (isCutting(fleet)) dropCommands(fleet)
  else comeToRest(fleet)
}

/** The router takes nothing new, requests under way are finished, then the workers go. */
export function stopWhenDue(fleet: Fleet): void {
  const { stop, counters, config, nowMs } = fleet
  if (fleet.state === 'stopping' || fleet.state === 'stopped' || nowMs < stop.dueMs) return
  enterState(fleet, 'stopping')
  stop.begin(nowMs + config.stopTimeoutMs, counters.abandoned)
  comeToRest(fleet)
  fleet.effects.stopAccepting()
}

/** Nothing new is begun, and no generation stands by. */
function comeToRest(fleet: Fleet): void {
  supersede(fleet, 'stopping', 'the manager is stopping')
  dropCommands(fleet)
  for (const group of fleet.groups) if (group.state === 'standby') retire(fleet, group)
}

function dropCommands(fleet: Fleet): void {
  const wishes = fleet.reading.dropAll()
  const commands = [...wishes.flatMap((wish) => wish.commands), ...dropRollback(fleet), ...dropRestart(fleet)]
  answerAll(fleet, commands, { ok: false, refusal: stoppingRefusal(fleet) })
  answerStaying(fleet, stoppingRefusal(fleet))
  failScaling(fleet, new ManagerError('STOPPING', { command: 'scale' }))
  takeStandby(fleet)
}

export function stoppingRefusal(fleet: Fleet): Refusal {
  const generation = fleet.serving?.generation.id ?? 'unknown'
  return refusalOf(fleet, 'stopping', generation, { message: 'the manager is stopping' })
}

/**
 * No new connection can come. Streams that would never end by themselves, and would have been opened anew before, end
 * now; requests go on.
 */
export function onDoorsClosed(fleet: Fleet): void {
  if (fleet.state !== 'stopping' || !fleet.config.speaksProtocol) return
  for (const { state, pid } of fleet.workers.values()) {
    if (state === 'ready' || state === 'withdrawn' || state === 'draining')
      fleet.effects.send(pid, { type: 'end-streams' })
  }
}

/** The router takes no new connections, so that every group may leave. */
export function onAcceptingStopped(fleet: Fleet): void {
  if (fleet.state !== 'stopping') return
  fleet.stop.stopAccepting()
  for (const group of fleet.groups) retire(fleet, group)
}

/** The router has gone. It may have abandoned responses to slow clients that workers had finished long ago. */
export function onRouterLeft(fleet: Fleet, abandoned: number): void {
  fleet.stop.routerLeft(abandoned)
}

/** Ends everything without waiting for what is under way. Abandoned requests are counted. */
export function stopNow(fleet: Fleet): void {
  fleet.stop.stopAccepting()
  fleet.stop.routerLeft(0)
  for (const group of fleet.groups) disband(fleet, group)
  killBackground(fleet)
}

export function finishStop(fleet: Fleet): void {
  const { stop, counters } = fleet
  if (fleet.state !== 'stopping') return
  if (fleet.groups.size > 0 || hasBackground(fleet) || !stop.acceptingStopped || !stop.routerHasLeft) return
  enterState(fleet, 'stopped')
  counters.abandon(stop.abandonedBeside(counters.abandoned))
  const { abandoned } = counters
  fleet.effects.emit({ type: 'stopped', abandoned })
  fleet.effects.stopped(abandoned)
}
