import { ManagerError } from '../contract/errors.ts'
import { answerAll, dropWishes } from './answers.ts'
import { condemnedText, tellFound } from './condemned.ts'
import type { CommandId } from './inputs.ts'
import { takeStandby } from './observation.ts'
import { refusalOf } from './refusal.ts'
import { isCutting, supersede } from './rollout-end.ts'
import { beginRollback, beginStandIn } from './rollout.ts'
import { awaitRollout } from './rollout-wishes.ts'
import type { Generation } from './generation.ts'
import type { Fleet } from './state.ts'
import { merge, newWish, type Wish, without } from './wish.ts'

const SUPERSEDES = 'a rollback was asked for'

/** An operator wants the previous generation back. */
export function rollBack(fleet: Fleet, wish: Wish): void {
  const isUnderWay = isCutting(fleet) || fleet.rollout?.kind === 'rollback'
  if (!isUnderWay && turnsDown(fleet, wish)) return
  // What is asked for later than this is newer, and wins in turn.
  if (fleet.previous !== undefined || isCutting(fleet)) dropWishes(fleet, SUPERSEDES)
  if (fleet.rollout?.kind === 'rollback') return awaitRollout(fleet.rollout, wish.commands)
  if (isCutting(fleet)) return void (fleet.rollbackAfterCut = merge(fleet.rollbackAfterCut, wish))
  start(fleet, wish)
}

/** The switch that a rollback had to wait for has ended. */
export function rollBackAfterCut(fleet: Fleet): void {
  const { rollbackAfterCut: wish } = fleet
  if (wish === undefined || isCutting(fleet)) return
  fleet.rollbackAfterCut = undefined
  start(fleet, wish)
}

/** The previous generation was found wanting: it serves again only if an operator insists. */
function turnsDown(fleet: Fleet, wish: Wish): boolean {
  const verdict = fleet.verdicts.on(targetOf(fleet, wish)?.id)
  if (verdict === undefined || wish.forced) return false
  const message = `there is no good code to return to: ${condemnedText(verdict)}`
  answerAll(fleet, wish.commands, {
    ok: false,
    refusal: refusalOf(fleet, 'condemned', verdict.generation, { message }),
  })
  return true
}

/** The previous generation, or a good one before that. Who insists means the previous one. */
function targetOf({ previous, earlier, verdicts }: Fleet, { forced }: Wish): Generation | undefined {
  return forced || verdicts.on(previous?.id) === undefined ? previous : (earlier ?? previous)
}

/** Returns to what served before; a rollout in progress gives way. */
function start(fleet: Fleet, wish: Wish): void {
  const { serving } = fleet
  const to = targetOf(fleet, wish)
  if (to === undefined)
    return fail(
      fleet,
      wish,
      new ManagerError('NO_PREVIOUS_GENERATION', { generation: serving?.generation.id }),
    )
  if (turnsDown(fleet, wish)) return
  if (!isKept(fleet, to))
    return fail(fleet, wish, new ManagerError('GENERATION_NOT_KEPT', { generation: to.id }))
  supersede(fleet, 'superseded', SUPERSEDES)
  const standby = fleet.observation?.previous.generation.id === to.id ? takeStandby(fleet) : undefined
  beginRollback(fleet, to, standby, wish)
}

/**
 * Whether workers of the generation run its code: those that stand by do, and new ones unless other content has taken
 * its place on disk.
 */
function isKept(
  { observation, serving, effects }: Fleet,
  { id, snapshot, surroundings: { cwd } }: Generation,
): boolean {
  if (snapshot.isUnfrozen !== true || observation?.previous.generation.id === id) return true
  return cwd !== serving?.generation.surroundings.cwd && effects.hasFolder(cwd)
}

function fail({ effects }: Fleet, { commands }: Wish, error: ManagerError): void {
  for (const command of commands) effects.settle(command, { error })
}

/** The answers of what serves fail: the previous generation, which stands by, takes over again. */
export function rollBackUnasked(fleet: Fleet, reason: string): void {
  const standby = takeStandby(fleet)
  if (standby === undefined) return
  beginRollback(
    fleet,
    standby.generation,
    standby,
    newWish(fleet.nowMs, { commands: [], reason, unasked: true }),
  )
}

/**
 * What serves cannot work: what served before takes over again, whether or not it stands by, unless that is no better;
 * a manager that has served nothing else takes the copy of the last good code.
 */
export function returnUnasked(fleet: Fleet, reason: string): void {
  if (!mayReturn(fleet)) return
  if (fleet.observation !== undefined) return rollBackUnasked(fleet, reason)
  const wish = newWish(fleet.nowMs, { commands: [], reason, unasked: true })
  const to = returnable(fleet)
  if (to !== undefined) return beginRollback(fleet, to, undefined, wish)
  const { serving, verdicts } = fleet
  verdicts.condemn(serving!.generation.id, 'server', reason)
  tellFound(fleet, verdicts.on(serving!.generation.id)!, verdicts.good)
  beginStandIn(fleet, verdicts.good!, wish)
}

/** Nothing else is on its way, and there is something that may serve again without being asked for. */
export function mayReturn(fleet: Fleet): boolean {
  const { serving, previous, verdicts, stop, rollout, observation, rollbackAfterCut } = fleet
  if (rollout !== undefined || stop.isAsked || rollbackAfterCut !== undefined) return false
  if (observation !== undefined || returnable(fleet) !== undefined) return true
  const { good } = verdicts
  return previous === undefined && good !== undefined && good.generation !== serving?.generation.id
}

function returnable({ previous, verdicts }: Fleet): Generation | undefined {
  if (previous === undefined || previous.snapshot.isUnfrozen === true) return undefined
  return verdicts.on(previous.id) === undefined ? previous : undefined
}

/** The caller of this command does not wait any more. */
export function cancelRollback(fleet: Fleet, command: CommandId): void {
  if (fleet.rollbackAfterCut === undefined) return
  const wish = without(fleet.rollbackAfterCut, command)
  fleet.rollbackAfterCut = wish.commands.length === 0 ? undefined : wish
}

/** Everything stops: returns the commands that wait. */
export function dropRollback(fleet: Fleet): readonly CommandId[] {
  const commands = fleet.rollbackAfterCut?.commands ?? []
  fleet.rollbackAfterCut = undefined
  return commands
}
