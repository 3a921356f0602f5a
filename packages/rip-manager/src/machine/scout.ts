import type { TreeState } from '../ports.ts'
import type { Refusal } from '../snapshot.ts'
import type { GenerationId } from '../upstreams.ts'
import { refusalOf } from './refusal.ts'
import { beginReload, refuse, settleAll, supersede } from './rollout.ts'
import { isCutting } from './routing.ts'
import { endObservation } from './observation.ts'
import { type Pool, START, type Wish } from './state.ts'

/** Wants the content on disk to be looked at, as it is from now on. */
export function ask(pool: Pool, wish: Pick<Wish, 'commands' | 'because'> & Partial<Wish>): void {
  const full: Wish = { sinceMs: pool.nowMs, confirms: false, retried: false, ...wish }
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
    confirms: into.confirms || wish.confirms,
    retried: into.retried || wish.retried,
  }
}

function read(pool: Pool, wish: Wish): void {
  const token = pool.nextToken++
  pool.reading = { token, wish }
  pool.effects.readTree(token)
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
  if (waiting === null || pool.reading !== null || isCutting(pool)) return
  pool.waiting = null
  read(pool, waiting)
}

function onUnreadable(pool: Pool, wish: Wish, error: Error): void {
  const { message } = error
  if (wish.confirms) return refuse(pool, 'build-failed', { message })
  if (wish.commands.length === 0) return pool.effects.emit({ type: 'warning', message })
  turnDown(pool, wish, refusalOf(pool, 'build-failed', 'unknown', { message }))
}

function decide(pool: Pool, tree: TreeState, wish: Wish): void {
  const { rollout, serving } = pool
  if (isCutting(pool)) {
    pool.waiting = merge(pool.waiting, wish)
    return
  }
  if (rollout?.generationId === tree.generation) return join(pool, wish)
  if (wish.commands.length === 0 && pool.quarantine === tree.generation) return
  if (pool.held && pool.phase === 'running') return refuseHeld(pool, tree, wish)
  const inherited = inheritStart(pool, wish)
  supersede(pool, 'superseded', 'newer content is on disk')
  if (serving?.generation.id === tree.generation) return settleUnchanged(pool, tree, wish)
  endObservation(pool)
  beginReload(pool, tree, inherited)
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
  if (wish.confirms && rollout.stage === 'confirming') rollout.stage = 'routing'
}

function settleUnchanged(pool: Pool, { generation }: TreeState, { commands, sinceMs }: Wish): void {
  const previous = pool.previous?.id ?? null
  const tookMs = pool.nowMs - sinceMs
  pool.quarantine = null
  const undone = takeBackRefusal(pool, generation)
  if (undone || commands.length > 0) pool.effects.emit({ type: 'generation-unchanged', generation })
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
function turnDown(pool: Pool, { commands }: Wish, refusal: Refusal): void {
  if (commands.length > 0) pool.effects.emit({ type: 'generation-refused', refusal })
  settleAll(pool, commands, { ok: false, refusal })
}
