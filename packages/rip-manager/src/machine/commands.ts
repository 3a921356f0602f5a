import { ManagerError } from '../contract/errors.ts'
import { answerAll, dropUnwanted } from './answers.ts'
import type { CommandId, Input } from './inputs.ts'
import { enterState, isStopping } from './life.ts'
import { recycleFromNowOn } from './recycle.ts'
import { beginRestart, cancelRestart } from './restart.ts'
import { cancelRollback, rollBack } from './rollback.ts'
import { cancelRollout, isCutting, supersede } from './rollout-end.ts'
import { cancelScaling, scale as beginScaling } from './scaling.ts'
import type { Fleet } from './state.ts'
import { stoppingRefusal } from './stopping.ts'
import { newWish, START } from './wish.ts'

type InputOf<T extends Input['type']> = Extract<Input, { readonly type: T }>

export function start(fleet: Fleet, command: CommandId): void {
  if (isStopping(fleet)) return refuseStopping(fleet, command)
  enterState(fleet, 'starting')
  fleet.reading.ask(newWish(fleet.nowMs, { commands: [command], reason: START }))
}

export function reload(fleet: Fleet, { command, reason, force, wait }: InputOf<'reload'>): void {
  if (isStopping(fleet)) return refuseStopping(fleet, command)
  if (fleet.state === 'idle') return refuseUnserved(fleet, command, 'reload')
  if (wait === true) fleet.staying.ask(command)
  fleet.reading.ask(newWish(fleet.nowMs, { commands: [command], reason, forced: force === true }))
}

export function restart(fleet: Fleet, { command, background }: InputOf<'restart'>): void {
  if (isStopping(fleet)) return refuseStopping(fleet, command)
  if (fleet.serving === undefined) return refuseUnserved(fleet, command, 'restart')
  if (beginRestart(fleet, command, background)) recycleFromNowOn(fleet)
}

export function rollback(fleet: Fleet, { command, reason, force }: InputOf<'rollback'>): void {
  if (isStopping(fleet)) return refuseStopping(fleet, command)
  if (fleet.serving === undefined) return refuseUnserved(fleet, command, 'roll back')
  rollBack(fleet, newWish(fleet.nowMs, { commands: [command], reason, forced: force === true }))
}

export function scale(fleet: Fleet, command: CommandId, workers: number): void {
  if (!isStopping(fleet)) return beginScaling(fleet, command, workers)
  fleet.effects.settle(command, { error: new ManagerError('STOPPING', { command: 'scale' }) })
}

export function hold(fleet: Fleet): void {
  if (fleet.held || isStopping(fleet)) return
  fleet.held = true
  fleet.effects.emit({ type: 'held' })
  if (fleet.state === 'running' && fleet.rollout?.kind === 'reload' && !isCutting(fleet)) {
    supersede(fleet, 'held', 'reloads are on hold')
  }
}

/** Ends `hold`. Returns false when nothing was held. */
export function resume(fleet: Fleet): boolean {
  if (!fleet.held || isStopping(fleet)) return false
  fleet.held = false
  fleet.effects.emit({ type: 'resumed' })
  return true
}

/** Changes on disk are brought into service by themselves now. */
export function follows({ state, held, stop }: Fleet): boolean {
  return !stop.isAsked && state !== 'idle' && !held
}

/** The operator no longer waits. A rollout that nothing else wants is given up. */
export function cancel(fleet: Fleet, command: CommandId): void {
  fleet.staying.forget(command)
  fleet.reading.withdraw(command)
  cancelRollback(fleet, command)
  cancelRestart(fleet, command)
  cancelScaling(fleet, command)
  dropUnwanted(fleet)
  cancelRollout(fleet, command)
}

function refuseStopping(fleet: Fleet, command: CommandId): void {
  answerAll(fleet, [command], { ok: false, refusal: stoppingRefusal(fleet) })
}

function refuseUnserved(fleet: Fleet, command: CommandId, name: string): void {
  fleet.effects.settle(command, { error: new ManagerError('NOT_SERVING', { command: name }) })
}
