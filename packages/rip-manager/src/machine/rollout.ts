import type { BootFailure } from '@rip/worker/protocol'
import { UNSETTLED_MS } from '../contract/defaults.ts'
import type { BuildResult, TreeState } from '../contract/ports.ts'
import type { Refusal, RefusalCode } from '../contract/refusal.ts'
import type { ReloadResult } from '../contract/manager-api.ts'
import type { GenerationId } from '../contract/router.ts'
import { createGroup, discardUnused, dismiss, retire } from './group.ts'
import { beginObservation, endObservation } from './observation.ts'
import { finishRestart } from './recycle.ts'
import { refusalOf } from './refusal.ts'
import { isCutting } from './routing.ts'
import { ask, merge, newWish, settleUnchanged, withdrawConfirmation } from './scout.ts'
import {
  type Failure,
  type Generation,
  type Group,
  type Pool,
  type Rollout,
  START,
  type Wish,
  type Worker,
} from './state.ts'
import { surgeOf, tellLimited } from './surge.ts'
import { emptySlots, launch, readyWorkers } from './worker.ts'

/** Starts to bring content from disk into service. */
export function beginReload(pool: Pool, tree: TreeState, wish: Wish): void {
  const generation = tree.generation
  const rollout = begin(pool, 'reload', generation, tree, wish)
  tellBegun(pool, generation, wish)
  if (pool.config.builds) return pool.effects.build(rollout.token, tree)
  boot(pool, rollout, { generation })
}

/** Once up to its end, however often the content has to be read. */
function tellBegun(pool: Pool, generation: GenerationId, { reason }: Wish): void {
  if (pool.toldBegun) return
  pool.toldBegun = true
  if (reason === START) pool.effects.emit({ type: 'starting', generation, workers: pool.wanted })
  pool.effects.emit({ type: 'generation-building', generation, reason })
}

/** Starts to return to a generation that served before; its workers are used if they still stand by. */
export function beginRollback(pool: Pool, to: Generation, warm: Group | null, wish: Wish): void {
  const rollout = begin(pool, 'rollback', to.id, null, wish)
  if (warm === null) {
    rollout.group = createGroup(pool, to)
    return startCandidate(pool, rollout)
  }
  warm.role = 'candidate'
  rollout.group = warm
  rollout.stage = 'filling'
}

function begin(
  pool: Pool,
  kind: Rollout['kind'],
  generationId: string,
  tree: TreeState | null,
  wish: Wish,
): Rollout {
  const { commands, reason, sinceMs, retried, outdated, unasked } = wish
  const rollout: Rollout = {
    generationId,
    kind,
    tree,
    commands,
    reason,
    sinceMs,
    retried,
    outdated,
    unasked,
    stage: 'building',
    token: pool.nextToken++,
    group: null,
    leftover: null,
    routingFailures: 0,
  }
  pool.rollout = rollout
  return rollout
}

export function onBuilt(pool: Pool, token: number, result: BuildResult | Error): void {
  const { rollout } = pool
  if (rollout?.token !== token || rollout.stage !== 'building') return discardLate(pool, result)
  if (result instanceof Error) return refuse(pool, 'build-failed', { message: result.message })
  if ('changed' in result) return readAnew(pool, rollout)
  rollout.generationId = result.ok ? result.snapshot.generation : (result.generation ?? rollout.generationId)
  if (result.ok && rollout.generationId === pool.serving?.generation.id)
    return endUnchanged(pool, rollout, result.snapshot)
  if (result.ok) return boot(pool, rollout, result.snapshot)
  const code = result.failure.kind === 'config' ? 'config-invalid' : 'build-failed'
  refuse(pool, code, fromBootFailure(result.failure))
}

/** Only the build could tell that it is what serves. */
function endUnchanged(pool: Pool, rollout: Rollout, snapshot: Generation['snapshot']): void {
  abandon(pool, rollout)
  discardUnused(pool, snapshot)
  const { commands, reason, sinceMs, unasked } = rollout
  settleUnchanged(pool, newWish(pool, { commands, reason, sinceMs, unasked, begun: true }))
}

/** A snapshot that is not what its name says is never served: the content is read, and named, once more. */
function readAnew(pool: Pool, rollout: Rollout): void {
  const { commands, reason, sinceMs, retried, outdated, unasked } = rollout
  abandon(pool, rollout)
  ask(pool, { commands, reason, sinceMs, retried, outdated, unasked, begun: true })
}

/** Nobody waits for it any more. */
function discardLate(pool: Pool, result: BuildResult | Error): void {
  if (result instanceof Error || !result.ok) return
  discardUnused(pool, result.snapshot)
}

function boot(pool: Pool, rollout: Rollout, snapshot: Generation['snapshot']): void {
  try {
    rollout.group = createGroup(pool, {
      id: rollout.generationId,
      snapshot,
      surroundings: pool.effects.readSurroundings(),
    })
  } catch (error) {
    return refuse(pool, 'build-failed', { message: `cannot read the environment: ${messageOf(error)}` })
  }
  startCandidate(pool, rollout)
}

function startCandidate(pool: Pool, rollout: Rollout): void {
  rollout.stage = 'candidate'
  startWorker(pool, rollout.group!, 1)
}

/** False when the system refused, and with it the generation. */
function startWorker(pool: Pool, group: Group, slot: number): boolean {
  try {
    launch(pool, group, slot)
    return true
  } catch (error) {
    refuse(pool, 'boot-failed', { message: messageOf(error), byChance: true })
    return false
  }
}

export function onCandidateReady(pool: Pool, worker: Worker): void {
  const { rollout } = pool
  if (rollout?.group !== worker.group || rollout.stage !== 'candidate') return
  if (!pool.config.verifies) return proven(pool, rollout)
  rollout.stage = 'verifying'
  rollout.token = pool.nextToken++
  pool.effects.verify(rollout.token, worker.socket)
}

export function onVerified(pool: Pool, token: number, reason: string | undefined): void {
  const { rollout } = pool
  if (rollout?.token !== token || rollout.stage !== 'verifying') return
  if (reason !== undefined) return refuse(pool, 'verify-failed', { message: reason })
  proven(pool, rollout)
}

function proven(pool: Pool, rollout: Rollout): void {
  pool.effects.emit({ type: 'generation-verified', generation: rollout.generationId })
  rollout.stage = 'filling'
}

/** A proven generation gets the rest of its workers; when enough are ready it may be cut over to. */
export function fill(pool: Pool): void {
  const { rollout } = pool
  if (rollout?.stage !== 'filling' || rollout.group === null) return
  if (!hasEnough(pool, rollout.group)) return
  if (rollout.kind === 'rollback') {
    rollout.stage = 'routing'
    return
  }
  rollout.stage = 'confirming'
  ask(pool, { commands: [], reason: rollout.reason, confirms: true })
}

/** Starts what is missing, as far as there is memory; with what there is memory for it takes over. */
function hasEnough(pool: Pool, group: Group): boolean {
  if (pool.config.cutAfter === 'first' && readyWorkers(group).length > 0) return true
  const missing = emptySlots(pool, group)
  const surge = surgeOf(pool, group, missing.length)
  for (const slot of missing.slice(0, surge.starts)) if (!startWorker(pool, group, slot)) return false
  if (surge.verdict === 'waiting') return false
  if (surge.verdict === 'limited') tellLimited(pool, group)
  return surge.verdict === 'limited' || missesNobody(pool, group)
}

function missesNobody(pool: Pool, group: Group): boolean {
  return readyWorkers(group).filter(({ slot }) => slot <= pool.wanted).length >= pool.wanted
}

/** A worker of the candidate group did not become ready, or did not stay so. */
export function onCandidateLost(pool: Pool, worker: Worker, code: RefusalCode, failure: Failure): void {
  // Once the switch is ordered the rest of them serve, and the place is filled as with any that serves.
  if (pool.rollout?.group !== worker.group || isCutting(pool)) return
  refuse(pool, code, failure)
}

/** Refusals that say something about the content: it is not tried again by the watcher. */
const aboutContent: ReadonlySet<RefusalCode> = new Set([
  'build-failed',
  'config-invalid',
  'boot-failed',
  'boot-timeout',
  'verify-failed',
])

export function refuse(pool: Pool, code: RefusalCode, failure: Failure): void {
  const { rollout } = pool
  if (rollout === null) return
  abandon(pool, rollout)
  if (isUnsettled(pool, rollout, failure)) return putOff(pool, rollout)
  const refusal = refusalOf(pool, code, rollout.generationId, failure)
  if (aboutContent.has(code)) {
    if (failure.byChance !== true) pool.quarantine = rollout.generationId
    pool.lastRefusal = refusal
    pool.refused += 1
  }
  pool.toldBegun = false
  pool.effects.emit({ type: 'generation-refused', refusal })
  settleAll(pool, rollout.commands, { ok: false, refusal })
}

/** Ends the rollout in progress because something newer takes its place. Does nothing if there is none. */
export function supersede(pool: Pool, code: 'superseded' | 'held' | 'stopping', message: string): void {
  refuse(pool, code, { message })
}

function abandon(pool: Pool, rollout: Rollout): void {
  pool.rollout = null
  if (rollout.stage === 'confirming') withdrawConfirmation(pool)
  pool.effects.abort(rollout.token)
  if (rollout.leftover !== null) discardUnused(pool, rollout.leftover)
  if (rollout.group === null) return
  if (rollout.routingFailures > 0) recall(pool, rollout.group)
  else if (rollout.group.served) retire(pool, rollout.group)
  else dismiss(pool, rollout.group)
  discardUnused(pool, rollout.group.generation.snapshot)
}

/** The router may have switched already without our having heard of it: it is told to switch back first. */
function recall(pool: Pool, group: Group): void {
  pool.routing.cut = null
  group.served = true
  retire(pool, group)
}

/** A file that does not compile, so shortly after it was written, may have been read half-written. */
function isUnsettled(pool: Pool, { tree, retried }: Rollout, { failure }: Failure): boolean {
  if (tree === null || retried || !mayBeHalfWritten(failure)) return false
  return pool.effects.wallMs() - tree.newestMs < UNSETTLED_MS
}

const mayBeHalfWritten = (failure: BootFailure | undefined): boolean =>
  failure?.kind === 'compile' || failure?.kind === 'config'

function putOff(pool: Pool, { commands, reason, sinceMs, outdated, unasked }: Rollout): void {
  lookLater(pool, newWish(pool, { commands, reason, sinceMs, outdated, unasked, begun: true, retried: true }))
}

/** Wants the content on disk to be looked at in a moment. */
export function lookLater(pool: Pool, wish: Wish): void {
  pool.settling = { wish: merge(pool.settling?.wish ?? null, wish), atMs: pool.nowMs + UNSETTLED_MS }
}

/** The router has switched: the candidate serves. */
export function commit(pool: Pool): void {
  const { rollout, serving: old } = pool
  if (rollout === null || rollout.group === null) return
  pool.rollout = null
  const { group, generationId: generation } = rollout
  group.role = 'serving'
  group.served = true
  group.growing = old !== null && readyWorkers(group).length < pool.wanted
  pool.serving = group
  pool.admitted += 1
  pool.lastRefusal = rollout.kind === 'rollback' && rollout.unasked ? takenBack(pool, old, rollout) : null
  pool.quarantine = rollout.kind === 'rollback' ? (old?.generation.id ?? null) : null
  endObservation(pool)
  const tookMs = pool.nowMs - rollout.sinceMs
  const previous = old?.generation.id ?? null
  pool.toldBegun = false
  pool.effects.emit({ type: 'generation-cut', generation, previous, tookMs })
  if (rollout.kind === 'rollback' && previous !== null) {
    pool.effects.emit({ type: 'rolled-back', from: previous, to: generation, reason: rollout.reason })
  }
  if (old !== null) replacePrevious(pool, old, rollout)
  if (pool.phase === 'starting') announce(pool, tookMs)
  settleAll(pool, rollout.commands, { ok: true, generation, previous, tookMs, unchanged: false })
  finishRestart(pool)
}

/** A generation that was found wanting stays visible as such until other content is admitted. */
function takenBack(pool: Pool, old: Group | null, { reason }: Rollout): Refusal | null {
  return old === null ? null : refusalOf(pool, 'rolled-back', old.generation.id, { message: reason })
}

function replacePrevious(pool: Pool, old: Group, rollout: Rollout): void {
  const dropped = pool.previous
  pool.previous = old.generation
  const affordable = rollout.group?.limited !== true
  if (rollout.kind === 'reload' && pool.config.observe !== null && affordable) beginObservation(pool, old)
  else retire(pool, old)
  if (dropped !== null) discardUnused(pool, dropped.snapshot)
}

function announce(pool: Pool, tookMs: number): void {
  pool.phase = 'running'
  pool.effects.emit({ type: 'ready', generation: pool.serving!.generation.id, workers: pool.wanted, tookMs })
}

export function settleAll(pool: Pool, commands: readonly number[], result: ReloadResult): void {
  for (const command of commands) pool.effects.settle(command, { result })
}

export function fromBootFailure(failure: BootFailure, stderr?: string): Failure {
  return { message: failure.message, failure, ...(stderr === undefined || stderr === '' ? {} : { stderr }) }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
