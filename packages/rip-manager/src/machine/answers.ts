import type { ReloadResult } from '../contract/manager-api.ts'
import type { Refusal } from '../contract/refusal.ts'
import { tellRefused, tellUnchanged } from './announcements.ts'
import type { CommandId } from './inputs.ts'
import { supersededBy } from './refusal.ts'
import type { Fleet } from './state.ts'
import { isSilent, type Wish } from './wish.ts'

export function answerAll(fleet: Fleet, commands: readonly CommandId[], result: ReloadResult): void {
  for (const command of commands) {
    fleet.staying.forget(command)
    fleet.effects.settle(command, { result })
  }
}

/** Refuses a wish before anything was begun for it. Without a caller or an announced reload there is nothing to tell. */
export function turnDown(fleet: Fleet, wish: Wish, refusal: Refusal): void {
  if (!isSilent(wish)) tellRefused(fleet, refusal)
  answerAll(fleet, wish.commands, { ok: false, refusal })
}

/** The content that is wanted is what serves. */
export function answerUnchanged(fleet: Fleet, wish: Wish): void {
  const generation = fleet.serving!.generation.id
  const previous = fleet.previous?.id ?? null
  const tookMs = fleet.nowMs - wish.sinceMs
  const undone = fleet.refusals.takeBack(generation)
  if (undone || !isSilent(wish)) tellUnchanged(fleet, generation)
  const result = { ok: true, generation, previous, tookMs, unchanged: true } as const
  // It may have been switched to just now, and be watched still.
  const isObserved = fleet.observation !== undefined
  answerAll(fleet, isObserved ? fleet.staying.hold(wish.commands, result) : wish.commands, result)
}

/** The observation has ended: those who stayed for it get their answers. @param refusal absent when all went well */
export function answerStaying(fleet: Fleet, refusal?: Refusal): void {
  for (const { command, result } of fleet.staying.release())
    answerAll(fleet, [command], refusal === undefined ? result : { ok: false, refusal })
}

/** Looks at the disk that nothing wants any more have no consequences. */
export function dropUnwanted(fleet: Fleet): void {
  const refusal = 'the command that asked for it was cancelled'
  for (const wish of fleet.reading.dropUnwanted()) turnDown(fleet, wish, supersededBy(fleet, refusal))
}

/** Gives up every look at the disk, with the reason for those who wait for one. */
export function dropWishes(fleet: Fleet, reason: string): void {
  for (const wish of fleet.reading.dropAll()) turnDown(fleet, wish, supersededBy(fleet, reason))
}
