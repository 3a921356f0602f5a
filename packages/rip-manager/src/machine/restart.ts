import { answerAll } from './answers.ts'
import { markBackground, unmarkBackground } from './background-post.ts'
import type { Failure } from './failure.ts'
import type { CommandId } from './inputs.ts'
import type { Generation, Surroundings } from './generation.ts'
import { refusalOf } from './refusal.ts'
import type { Fleet, Group } from './state.ts'
import { markForReplacement, readyWorkers, unmark } from './worker.ts'
import { messageOf } from '../contract/message-of.ts'

/**
 * Marks every worker, or the background process of that name alone, for replacement by a fresh process of the same
 * generation. Returns false when it was refused.
 */
export function beginRestart(fleet: Fleet, command: CommandId, background?: string): boolean {
  const { serving, nowMs: sinceMs } = fleet
  if (serving === undefined) return false
  const { generation } = serving
  const previousSurroundings = generation.surroundings
  try {
    generation.surroundings = surroundingsFor(fleet, generation)
  } catch (error) {
    const message = `cannot read the environment: ${messageOf(error)}`
    const refusal = refusalOf(fleet, 'boot-failed', generation.id, { message })
    answerAll(fleet, [command], { ok: false, refusal })
    return false
  }
  if (fleet.restart === undefined) fleet.restart = { commands: [command], sinceMs, previousSurroundings }
  else fleet.restart.commands.push(command)
  markBackground(fleet, 'restart', background)
  if (background === undefined) for (const worker of serving.workers) markForReplacement(worker, 'restart')
  return true
}

/** Where there is no snapshot the folder is the code: a link to it may lead to another release by now. */
function surroundingsFor({ effects }: Fleet, { snapshot, surroundings: { cwd } }: Generation): Surroundings {
  const now = effects.readSurroundings()
  return snapshot.isUnfrozen === true ? { ...now, cwd } : now
}

/** Called when no marked worker is left, or another generation serves. */
export function finishRestart(fleet: Fleet): void {
  const { restart, serving } = fleet
  if (restart === undefined || serving === undefined) return
  fleet.restart = undefined
  answerAll(fleet, restart.commands, {
    ok: true,
    generation: serving.generation.id,
    previous: fleet.previous?.id ?? null,
    tookMs: fleet.nowMs - restart.sinceMs,
    unchanged: false,
  })
}

/** In a crash loop every process is a fresh one, and replacing one after the other would never come to an end. */
export function refuseHopelessRestart(fleet: Fleet, serving: Group): void {
  if (fleet.restart === undefined || !serving.budget.spent) return
  const { length } = readyWorkers(serving)
  refuseRestart(fleet, {
    message: `workers keep dying, ${length} of ${fleet.wanted} are ready: reload code that works, or roll back`,
  })
}

/** The workers that are still marked stay, and what they would have found around themselves is forgotten. */
export function refuseRestart(fleet: Fleet, failure: Failure): void {
  const { restart, serving } = fleet
  if (restart === undefined || serving === undefined) return
  fleet.restart = undefined
  serving.generation.surroundings = restart.previousSurroundings
  for (const worker of serving.workers) if (worker.recycle === 'restart') unmark(worker)
  unmarkBackground(fleet, 'restart')
  const refusal = refusalOf(fleet, 'boot-failed', serving.generation.id, failure)
  fleet.refusals.show(refusal)
  fleet.effects.emit({ type: 'generation-refused', refusal })
  answerAll(fleet, restart.commands, { ok: false, refusal })
}

/** Everything stops: returns the commands that wait. */
export function dropRestart(fleet: Fleet): readonly CommandId[] {
  const commands = fleet.restart?.commands ?? []
  fleet.restart = undefined
  return commands
}

/** The caller of this command does not wait any more; the restart goes on. */
export function cancelRestart({ restart }: Fleet, command: CommandId): void {
  const index = restart?.commands.indexOf(command) ?? -1
  if (index >= 0) restart!.commands.splice(index, 1)
}
