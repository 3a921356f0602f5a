import type { TreeState } from '../ports.ts'
import type { Refusal } from '../snapshot.ts'
import type { GenerationId } from '../upstreams.ts'
import { refusalOf } from './refusal.ts'
import { beginReload, refuse, settleAll, supersede } from './rollout.ts'
import { isCutting } from './routing.ts'
import { type Pool, START, type Wish } from './state.ts'

/** A wish as it is unless somebody says more. */
export function newWish(pool: Pool, wish: Pick<Wish, 'commands' | 'because'> & Partial<Wish>): Wish {
  const plain = { unasked: false, confirms: false, begun: false, retried: false }
  return { sinceMs: pool.nowMs, ...plain, ...wish }
}

/** Wants the content on disk to be looked at, as it is from now on. */
export function ask(pool: Pool, wish: Pick<Wish, 'commands' | 'because'> & Partial<Wish>): void {
  const full = newWish(pool, wish)
  if (pool.reading !== null) pool.waiting = merge(pool.waiting, full)
  else read(pool, full)
}

/** Two wishes that one look at the disk can answer. */
export function merge(into: Wish | null, wish: Wish): Wish {
  if (into === null) return wish
  return {
    commands: [...into.commands, ...wish.commands],
    because: into.commands.length > 0 ? into.because : wish.because,
    sinceMs: into.sinceMs,
    unasked: into.unasked || wish.unasked,
    confirms: into.confirms || wish.confirms,
    begun: into.begun || wish.begun,
    retried: into.retried || wish.retried,
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

const NEWER = 'newer content is on disk'

function decide(pool: Pool, tree: TreeState, wish: Wish): void {
  const { rollout, serving } = pool
  if (goesFirst(pool)) {
    pool.waiting = merge(pool.waiting, wish)
    return
  }
  if (rollout?.generationId === tree.generation) return join(pool, wish)
  if (isSilent(wish) && pool.quarantine === tree.generation) return outdate(pool, wish)
  if (pool.held && pool.phase === 'running') return refuseHeld(pool, tree, wish)
  const inherited = inheritStart(pool, wish)
  supersede(pool, 'superseded', NEWER)
  if (serving?.generation.id === tree.generation) return settleUnchanged(pool, wish)
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
function outdate(pool: Pool, { confirms }: Wish): void {
  if (confirms) supersede(pool, 'superseded', NEWER)
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

/** Whoever starts wants the application served, whatever its content is by then. */
function inheritStart({ rollout }: Pool, wish: Wish): Wish {
  if (rollout?.because !== START) return wish
  const { commands, sinceMs } = rollout
  return { ...wish, commands: [...commands.splice(0), ...wish.commands], because: START, sinceMs }
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
  if (undone || !isSilent(wish)) pool.effects.emit({ type: 'generation-unchanged', generation })
  settleAll(pool, commands, { ok: true, generation, previous, tookMs, unchanged: true })
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
  if (!isSilent(wish)) pool.effects.emit({ type: 'generation-refused', refusal })
  settleAll(pool, wish.commands, { ok: false, refusal })
}
