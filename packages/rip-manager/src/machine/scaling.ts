import { ManagerError } from '../contract/errors.ts'
import { expectGrowth } from './group.ts'
import type { CommandId } from './inputs.ts'
import type { Fleet } from './state.ts'
import { readyWorkers } from './worker.ts'

/** Another number of workers is wanted from now on; the command is answered when the router uses them. */
export function scale(fleet: Fleet, command: CommandId, workers: number): void {
  if (workers !== fleet.wanted) fleet.effects.emit({ type: 'scaled', workers })
  if (workers > fleet.wanted && fleet.serving !== undefined) expectGrowth(fleet.serving)
  fleet.wanted = workers
  fleet.scaling = [...fleet.scaling, command]
}

/** Answers `scale` when the router uses as many workers as are wanted. */
export function settleScaling(fleet: Fleet): void {
  const { scaling, serving, wanted, routing } = fleet
  if (scaling.length === 0 || serving === undefined) return
  const ready = readyWorkers(serving)
  if (serving.budget.spent && ready.length < wanted) {
    return failScaling(fleet, new ManagerError('SCALE_INCOMPLETE', { wanted, ready: ready.length }))
  }
  if (ready.length !== wanted || ready.some(({ slot }) => slot > wanted)) return
  if (!routing.usesAsMany(serving.generation.id, wanted)) return
  fleet.scaling = []
  for (const command of scaling) fleet.effects.settle(command, { done: true })
}

export function failScaling(fleet: Fleet, error: ManagerError): void {
  const commands = fleet.scaling
  fleet.scaling = []
  for (const command of commands) fleet.effects.settle(command, { error })
}

/** The caller of this command does not wait any more. */
export function cancelScaling(fleet: Fleet, command: CommandId): void {
  fleet.scaling = fleet.scaling.filter((other) => other !== command)
}
