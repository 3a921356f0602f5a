import type { TreeState } from '../contract/ports.ts'
import type { Refusal } from '../contract/refusal.ts'
import type { GenerationId } from '../contract/router.ts'
import { refusalOf } from './refusal.ts'
import { newerContent, nextChange } from './newer-content.ts'
import { beginReload, lookLater, refuse, settleAll, supersede } from './rollout.ts'
import { isCutting } from './routing.ts'
import { type Pool, type Rollout, START, type Wish } from './state.ts'

/** A wish as it is unless somebody says more. */
export function newWish(pool: Pool, wish: Pick<Wish, 'commands' | 'reason'> & Partial<Wish>): Wish {
  const plain = { unasked: false, confirms: false, begun: false, retried: false, outdated: 0 }
  return { sinceMs: pool.nowMs, ...plain, ...wish }
}

/** Wants the content on disk to be looked at, as it is from now on. */
export function ask(pool: Pool, wish: Pick<Wish, 'commands' | 'reason'> & Partial<Wish>): void {
  const full = newWish(pool, wish)
  if (pool.reading !== null) pool.waiting = merge(pool.waiting, full)
  else read(pool, full)
}

/** Two wishes that one look at the disk can answer. */
export function merge(into: Wish | null, wish: Wish): Wish {
  if (into === null) return wish
  return {
    commands: [...into.commands, ...wish.commands],
    reason: into.commands.length > 0 ? into.reason : wish.reason,
    sinceMs: into.sinceMs,
    unasked: into.unasked || wish.unasked,
    confirms: into.confirms || wish.confirms,
    begun: into.begun || wish.begun,
    retried: into.retried || wish.retried,
    outdated: Math.max(into.outdated, wish.outdated),
  }
}

function read(pool: Pool, wish: Wish): void {
  const token = pool.nextToken++
  pool.reading = { token, wish }
  // Whoever asks wants to know; looks on our own account are frequent.
  pool.effects.readTree(token, { thorough: wish.commands.length > 0 })
}

export function onTreeRead(pool: Pool, token: number, result: TreeState | Error): void {
  const { reading } = pool
  if (reading?.token !== token) return
  pool.reading = null
  if (result instanceof Error) onUnreadable(pool, reading.wish, result)
  else decide(pool, result, reading.wish)
  readWaiting(pool)
}

/** What was asked for meanwhile must see content from after it was asked for. */
export function readWaiting(pool: Pool): void {
  const { waiting, settling } = pool
  if (settling !== null && pool.nowMs >= settling.atMs) {
    pool.settling = null
    ask(pool, settling.wish)
  }
  // A switch under way is awaited: what comes after it is compared with what serves then.
  if (waiting === null || pool.reading !== null || goesFirst(pool)) return
  pool.waiting = null
  read(pool, waiting)
}

function onUnreadable(pool: Pool, wish: Wish, error: Error): void {
  const { message } = error
  if (wish.confirms) refuse(pool, 'build-failed', { message })
  else if (isSilent(wish)) return pool.effects.emit({ type: 'warning', message })
  turnDown(pool, wish, refusalOf(pool, 'build-failed', 'unknown', { message }))
}

/** So often newer content takes the place of what was about to serve; then that serves first. */
const MAX_OUTDATED = 2

function decide(pool: Pool, tree: TreeState, wish: Wish): void {
  const { rollout, serving } = pool
  if (goesFirst(pool)) {
    pool.waiting = merge(pool.waiting, wish)
    return
  }
  if (rollout?.generationId === tree.generation) return join(pool, wish)
  if (rollout !== null && mayGoOn(pool, rollout, tree, wish)) return goOn(pool, rollout, wish)
  if (isSilent(wish) && pool.quarantine === tree.generation) return outdate(pool, tree, wish)
  if (pool.held && pool.phase === 'running') return refuseHeld(pool, tree, wish)
  const inherited = inherit(pool, wish)
  if (rollout !== null) supersede(pool, 'superseded', newerContent(rollout, tree))
  if (serving?.generation.id === tree.generation) return settleUnchanged(pool, inherited)
  beginReload(pool, tree, inherited)
}

/** What is under way ends before anything else begins: an ordered switch, and the way back from a bad generation. */
function goesFirst(pool: Pool): boolean {
  const { rollout } = pool
  return isCutting(pool) || (rollout?.kind === 'rollback' && rollout.unasked)
}

/** Nobody waits for an answer, and nothing was said that has to be taken back. */
function isSilent({ commands, begun }: Wish): boolean {
  return commands.length === 0 && !begun
}

/** The disk does not have any more what was to be confirmed. */
function outdate(pool: Pool, tree: TreeState, { confirms }: Wish): void {
  if (confirms && pool.rollout !== null) supersede(pool, 'superseded', newerContent(pool.rollout, tree))
}

/** Whether what is on its way may serve though the disk has something else, about which nobody asked. */
function mayGoOn(pool: Pool, rollout: Rollout, tree: TreeState, wish: Wish): boolean {
  const { group, outdated } = rollout
  if (wish.commands.length > 0 || wish.begun || group === null) return false
  const changed = nextChange(rollout, tree)
  if (changed === undefined) return true
  if (!wish.confirms || outdated < MAX_OUTDATED) return false
  const message =
    `${changed} changed again and again while generation ${rollout.generationId} was on its way: ` +
    'it serves as it was built; move what the application writes out of its folder'
  pool.effects.emit({ type: 'warning', message })
  return true
}

/** Who saw the change without being asked looks again when it may have become a generation of its own. */
function goOn(pool: Pool, rollout: Rollout, wish: Wish): void {
  if (wish.confirms && rollout.stage === 'confirming') rollout.stage = 'routing'
  if (wish.unasked) lookLater(pool, { ...wish, confirms: false })
}

/** The rollout whose content was to be confirmed has ended. */
export function withdrawConfirmation(pool: Pool): void {
  for (const wish of [pool.reading?.wish, pool.waiting]) if (wish) wish.confirms = false
  forgetUnwanted(pool)
}

/** Looks at the disk that nobody wants any more have no consequences. */
export function forgetUnwanted(pool: Pool): void {
  const { reading, waiting, settling } = pool
  if (reading !== null && isUnwanted(reading.wish)) pool.reading = null
  if (waiting !== null && isUnwanted(waiting)) pool.waiting = null
  if (settling !== null && isUnwanted(settling.wish)) pool.settling = null
  for (const wish of [reading?.wish, waiting, settling?.wish])
    if (wish && isUnwanted(wish))
      turnDown(pool, wish, superseded(pool, 'the command that asked for it was cancelled'))
}

function isUnwanted({ commands, unasked, confirms }: Wish): boolean {
  return commands.length === 0 && !unasked && !confirms
}

/** Gives up what was to be looked at: whoever asked for it is told why. */
export function dropWishes(pool: Pool, message: string): void {
  const wishes = [pool.reading?.wish, pool.waiting, pool.settling?.wish]
  pool.reading = null
  pool.waiting = null
  pool.settling = null
  for (const wish of wishes) if (wish) turnDown(pool, wish, superseded(pool, message))
}

function superseded(pool: Pool, message: string): Refusal {
  return refusalOf(pool, 'superseded', pool.serving?.generation.id ?? 'unknown', { message })
}

/**
 * Whoever starts wants the application served, whatever its content is by then; and whoever reloads wants what is on
 * disk, unless somebody else asks for something newer.
 */
function inherit({ rollout }: Pool, wish: Wish): Wish {
  if (rollout === null) return wish
  const outdated = wish.confirms ? rollout.outdated + 1 : wish.outdated
  if (rollout.reason !== START && (!wish.confirms || wish.commands.length > 0)) return { ...wish, outdated }
  const { reason, sinceMs } = rollout
  const commands = [...rollout.commands.splice(0), ...wish.commands]
  return { ...wish, commands, reason, sinceMs, outdated, unasked: wish.unasked || rollout.unasked }
}

/** The content is on its way already. */
function join(pool: Pool, wish: Wish): void {
  const { rollout } = pool
  if (rollout === null) return
  rollout.commands.push(...wish.commands)
  rollout.unasked ||= wish.unasked
  if (wish.confirms && rollout.stage === 'confirming') rollout.stage = 'routing'
}

/** What is wanted is what serves. */
export function settleUnchanged(pool: Pool, wish: Wish): void {
  const generation = pool.serving!.generation.id
  const { commands, sinceMs } = wish
  const previous = pool.previous?.id ?? null
  const tookMs = pool.nowMs - sinceMs
  pool.quarantine = null
  const undone = takeBackRefusal(pool, generation)
  if (undone || !isSilent(wish)) tellUnchanged(pool, generation)
  settleAll(pool, commands, { ok: true, generation, previous, tookMs, unchanged: true })
}

function tellUnchanged(pool: Pool, generation: GenerationId): void {
  pool.toldBegun = false
  pool.effects.emit({ type: 'generation-unchanged', generation })
}

/** What was refused is no longer on disk. A refused restart was about what serves, and stays visible. */
function takeBackRefusal(pool: Pool, generation: GenerationId): boolean {
  if (pool.lastRefusal === null || pool.lastRefusal.generation === generation) return false
  pool.lastRefusal = null
  return true
}

function refuseHeld(pool: Pool, { generation }: TreeState, wish: Wish): void {
  const message = 'reloads are held; release them first'
  turnDown(pool, wish, refusalOf(pool, 'held', generation, { message }))
}

/** Refused before anything was begun; nobody is told what nobody asked for. */
function turnDown(pool: Pool, wish: Wish, refusal: Refusal): void {
  if (!isSilent(wish)) tellRefused(pool, refusal)
  settleAll(pool, wish.commands, { ok: false, refusal })
}

function tellRefused(pool: Pool, refusal: Refusal): void {
  pool.toldBegun = false
  pool.effects.emit({ type: 'generation-refused', refusal })
}
