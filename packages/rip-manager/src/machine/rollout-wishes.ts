import { UNSETTLED_MS } from '../contract/defaults.ts'
import type { CommandId } from './inputs.ts'
import { advance } from './rollout-state.ts'
import type { Fleet, Rollout } from './state.ts'
import { isSilent, START, type Wish, type WishDraft } from './wish.ts'

/** The disk has what is on its way, so the wish is answered together with it. */
export function join(rollout: Rollout, wish: Wish): void {
  rollout.commands.push(...wish.commands)
  rollout.unasked ||= wish.unasked
  confirm(rollout, wish)
}

/** More operators wait for the rollout. */
export function awaitRollout(rollout: Rollout, commands: readonly CommandId[]): void {
  rollout.commands.push(...commands)
}

/** The rollout may serve although the disk has something else. The watcher's wish is looked after in a moment. */
export function goOn(fleet: Fleet, rollout: Rollout, wish: Wish): void {
  confirm(rollout, wish)
  if (wish.unasked) lookLater(fleet, { ...wish, confirms: false })
}

function confirm(rollout: Rollout, wish: Wish): void {
  if (wish.confirms && rollout.state === 'confirming') advance(rollout, 'confirmed')
}

/**
 * What the new rollout has to do for the one whose place it takes. An operator who starts wants the application served,
 * whatever its content is by then; one who reloads wants what is on disk, unless another one asks for something newer.
 */
export function inherit({ rollout }: Fleet, wish: Wish): Wish {
  if (rollout === undefined) return wish
  const outdated = wish.confirms || isSilent(wish) ? rollout.outdated + 1 : wish.outdated
  const isAskedAnew = !wish.confirms || wish.commands.length > 0
  if (rollout.reason !== START && isAskedAnew) return { ...wish, outdated }
  const { reason, sinceMs } = rollout
  const commands = [...rollout.commands.splice(0), ...wish.commands]
  return { ...wish, commands, reason, sinceMs, outdated, unasked: wish.unasked || rollout.unasked }
}

/** What the rollout was wanted for is wanted again. */
export function againFor({ commands, reason, sinceMs, forced, outdated, unasked }: Rollout): WishDraft {
  return { commands, reason, sinceMs, forced, outdated, unasked, begun: true }
}

/** Looks at the disk when it has had time to settle. */
export function lookLater(fleet: Fleet, wish: Wish): void {
  fleet.reading.settle(wish, fleet.nowMs + UNSETTLED_MS)
}
