import { ManagerError } from '../contract/errors.ts'
import type { CommandId } from './inputs.ts'
import { beginRestart } from './recycle.ts'
import { beginRollback, supersede } from './rollout.ts'
import { isCutting } from './routing.ts'
import { ask, dropWishes, forgetUnwanted, merge, newWish } from './scout.ts'
import { type Pool, START, type Wish } from './state.ts'
import { failScaling, isStopping, stoppingRefusal } from './stopping.ts'
import { readyWorkers } from './worker.ts'

export function start(pool: Pool, command: CommandId): void {
  pool.phase = 'starting'
  ask(pool, { commands: [command], reason: START })
}

export function reload(pool: Pool, command: CommandId, reason: string): void {
  if (isStopping(pool)) return refuseStopping(pool, command)
  if (pool.phase === 'idle') return refuseUnserved(pool, command, 'reload')
  ask(pool, { commands: [command], reason })
}

export function restart(pool: Pool, command: CommandId): void {
  if (isStopping(pool)) return refuseStopping(pool, command)
  if (pool.serving === null) return refuseUnserved(pool, command, 'restart')
  beginRestart(pool, command)
}

export function rollback(pool: Pool, command: CommandId, reason: string): void {
  if (isStopping(pool)) return refuseStopping(pool, command)
  if (pool.serving === null) return refuseUnserved(pool, command, 'roll back')
  const wish = newWish(pool, { commands: [command], reason })
  // What is asked for later than this is newer, and wins in turn.
  if (pool.previous !== null || isCutting(pool)) dropWishes(pool, ROLLBACK)
  if (pool.rollout?.kind === 'rollback') return void pool.rollout.commands.push(command)
  if (isCutting(pool)) return void (pool.rollbackAfterCut = merge(pool.rollbackAfterCut, wish))
  startRollback(pool, wish)
}

export function resumeRollback(pool: Pool): void {
  const { rollbackAfterCut: wish } = pool
  if (wish === null || isCutting(pool)) return
  pool.rollbackAfterCut = null
  startRollback(pool, wish)
}

const ROLLBACK = 'a rollback was asked for'

/** Returns to what was served before; a rollout in progress gives way. */
export function startRollback(pool: Pool, wish: Wish): void {
  const { previous, serving } = pool
  if (previous === null) {
    const error = new ManagerError('NO_PREVIOUS_GENERATION', { generation: serving?.generation.id ?? null })
    for (const command of wish.commands) pool.effects.settle(command, { error })
    return
  }
  supersede(pool, 'superseded', ROLLBACK)
  const warm = pool.observation?.before ?? null
  pool.observation = null
  beginRollback(pool, previous, warm, wish)
}

export function scale(pool: Pool, command: CommandId, workers: number): void {
  if (isStopping(pool)) {
    return pool.effects.settle(command, { error: new ManagerError('STOPPING', { command: 'scale' }) })
  }
  if (workers !== pool.wanted) pool.effects.emit({ type: 'scaled', workers })
  if (workers > pool.wanted && pool.serving !== null) pool.serving.complete = false
  pool.wanted = workers
  pool.scaling.push(command)
}

/** Answers `scale` when the router uses as many workers as are wanted. */
export function settleScaling(pool: Pool): void {
  const { scaling, serving, wanted } = pool
  if (scaling.length === 0 || serving === null) return
  const ready = readyWorkers(serving)
  if (serving.budget.spent && ready.length < wanted) {
    return failScaling(pool, new ManagerError('SCALE_INCOMPLETE', { wanted, ready: ready.length }))
  }
  if (ready.length !== wanted || ready.some(({ slot }) => slot > wanted)) return
  const { published, uncertain } = pool.routing
  const { id } = serving.generation
  if (published.get(id)?.size !== wanted || uncertain.has(id)) return
  pool.scaling = []
  for (const command of scaling) pool.effects.settle(command, { done: true })
}

export function hold(pool: Pool): void {
  if (pool.held || isStopping(pool)) return
  pool.held = true
  pool.effects.emit({ type: 'held' })
  if (pool.phase === 'running' && pool.rollout?.kind === 'reload' && !isCutting(pool)) {
    supersede(pool, 'held', 'reloads are held')
  }
}

export function resume(pool: Pool): void {
  if (!pool.held || isStopping(pool)) return
  pool.held = false
  pool.effects.emit({ type: 'resumed' })
  if (pool.watching) wake(pool)
}

export function wake(pool: Pool): void {
  if (isStopping(pool) || pool.phase === 'idle') return
  if (pool.held) return
  ask(pool, { commands: [], reason: 'files changed', unasked: true })
}

/** The operator no longer waits. A rollout nobody else wants is given up. */
export function cancel(pool: Pool, command: CommandId): void {
  for (const list of waitingLists(pool)) {
    const index = list.indexOf(command)
    if (index >= 0) list.splice(index, 1)
  }
  if (pool.rollbackAfterCut?.commands.length === 0) pool.rollbackAfterCut = null
  forgetUnwanted(pool)
  const { rollout } = pool
  if (rollout === null || rollout.unasked || rollout.commands.length > 0 || isCutting(pool)) return
  supersede(pool, 'superseded', 'the command that asked for it was cancelled')
}

function waitingLists({
  reading,
  waiting,
  settling,
  rollbackAfterCut,
  rollout,
  restart,
  scaling,
}: Pool): readonly CommandId[][] {
  const lists = [reading?.wish, waiting, settling?.wish, rollbackAfterCut, rollout, restart].map(
    (place) => place?.commands,
  )
  return [...lists.filter((list) => list !== undefined), scaling]
}

function refuseStopping(pool: Pool, command: CommandId): void {
  pool.effects.settle(command, { result: { ok: false, refusal: stoppingRefusal(pool) } })
}

function refuseUnserved(pool: Pool, command: CommandId, name: string): void {
  pool.effects.settle(command, { error: new ManagerError('NOT_SERVING', { command: name }) })
}
