import { UNSETTLED_MS } from '../contract/defaults.ts'
import type { BuildResult, Snapshot, TreeState } from '../contract/ports.ts'
import type { Refusal, RefusalCode } from '../contract/refusal.ts'
import { tellBegun, tellCut, tellRefused } from './announcements.ts'
import { answerAll, answerUnchanged, dropUnwanted } from './answers.ts'
import { discardUnused } from './discard.ts'
import { type Failure, fromBootFailure, messageOf } from './failure.ts'
import type { Generation } from './generation.ts'
import type { CommandId } from './inputs.ts'
import { become, createGroup, dismiss, retire } from './group.ts'
import { enterState } from './life.ts'
import { beginObservation, endObservation } from './observation.ts'
import { refusalOf } from './refusal.ts'
import { finishRestart } from './restart.ts'
import { nextState, type RolloutEvent } from './rollout-state.ts'
import type { Fleet, Group, Rollout, Worker } from './state.ts'
import { surgeOf, tellLimited } from './surge.ts'
import { newWish, START, type Wish, type WishDraft } from './wish.ts'
import { emptySlots, launch, readyWorkers } from './worker.ts'

/*
 * The way of a generation into service: see `rollout-state.ts` for its states. What happens to it is decided here and
 * in `machine.ts`; whether something newer takes its place, in `scout.ts`.
 */

/** Starts to bring content from disk into service. */
export function beginReload(fleet: Fleet, tree: TreeState, wish: Wish): void {
  const { generation } = tree
  const rollout = begin(fleet, 'reload', generation, tree, wish)
  tellBegun(fleet, generation, wish.reason)
  if (fleet.config.builds) return fleet.effects.build(rollout.token, tree)
  boot(fleet, rollout, { generation })
}

/** Starts to return to a generation that served before; its workers are used if they still stand by. */
export function beginRollback(fleet: Fleet, to: Generation, warm: Group | null, wish: Wish): void {
  const rollout = begin(fleet, 'rollback', to.id, null, wish)
  if (warm === null) {
    rollout.group = createGroup(fleet, to)
    return startCandidate(fleet, rollout)
  }
  become(warm, 'candidate')
  rollout.group = warm
  advance(rollout, 'found-warm')
}

function begin(
  fleet: Fleet,
  kind: Rollout['kind'],
  generationId: string,
  tree: TreeState | null,
  { commands, reason, sinceMs, retried, outdated, unasked }: Wish,
): Rollout {
  const rollout: Rollout = {
    generationId,
    kind,
    tree,
    commands: [...commands],
    reason,
    sinceMs,
    retried,
    outdated,
    unasked,
    state: 'building',
    token: fleet.tokens.next(),
    group: null,
    leftover: null,
    routingFailures: 0,
  }
  fleet.rollout = rollout
  return rollout
}

function advance(rollout: Rollout, event: RolloutEvent): void {
  rollout.state = nextState(rollout.state, event)
}

export function onBuilt(fleet: Fleet, token: number, result: BuildResult | Error): void {
  const { rollout } = fleet
  if (rollout?.token !== token || rollout.state !== 'building') return discardLate(fleet, result)
  if (result instanceof Error) return refuse(fleet, 'build-failed', { message: result.message })
  if ('changed' in result) return readAnew(fleet, rollout)
  rollout.generationId = result.ok ? result.snapshot.generation : (result.generation ?? rollout.generationId)
  if (result.ok && rollout.generationId === fleet.serving?.generation.id)
    return endUnchanged(fleet, rollout, result.snapshot)
  if (result.ok) return boot(fleet, rollout, result.snapshot)
  const code = result.failure.kind === 'config' ? 'config-invalid' : 'build-failed'
  refuse(fleet, code, fromBootFailure(result.failure))
}

/** Only the build could tell that the content is what serves. */
function endUnchanged(fleet: Fleet, rollout: Rollout, snapshot: Snapshot): void {
  end(fleet, rollout)
  discardUnused(fleet, snapshot)
  const { commands, reason, sinceMs, unasked } = rollout
  answerUnchanged(fleet, newWish(fleet.nowMs, { commands, reason, sinceMs, unasked, begun: true }))
}

/** A snapshot that is not what its name says is never served: the content is read, and named, once more. */
function readAnew(fleet: Fleet, rollout: Rollout): void {
  end(fleet, rollout)
  const { retried } = rollout
  fleet.reading.ask(newWish(fleet.nowMs, { ...againFor(rollout), retried }))
}

/** What the rollout was wanted for is wanted again. */
function againFor({ commands, reason, sinceMs, outdated, unasked }: Rollout): WishDraft {
  return { commands, reason, sinceMs, outdated, unasked, begun: true }
}

/** The rollout the build was made for has ended. */
function discardLate(fleet: Fleet, result: BuildResult | Error): void {
  if (result instanceof Error || !result.ok) return
  discardUnused(fleet, result.snapshot)
}

function boot(fleet: Fleet, rollout: Rollout, snapshot: Snapshot): void {
  try {
    rollout.group = createGroup(fleet, {
      id: rollout.generationId,
      snapshot,
      surroundings: fleet.effects.readSurroundings(),
    })
  } catch (error) {
    return refuse(fleet, 'build-failed', { message: `cannot read the environment: ${messageOf(error)}` })
  }
  startCandidate(fleet, rollout)
}

function startCandidate(fleet: Fleet, rollout: Rollout): void {
  advance(rollout, 'built')
  startWorker(fleet, rollout.group!, 1)
}

/** Returns false when the system refused to start a process, and the rollout has ended for it. */
function startWorker(fleet: Fleet, group: Group, slot: number): boolean {
  try {
    launch(fleet, group, slot)
    return true
  } catch (error) {
    refuse(fleet, 'boot-failed', { message: messageOf(error), byChance: true })
    return false
  }
}

export function onCandidateReady(fleet: Fleet, worker: Worker): void {
  const { rollout } = fleet
  if (rollout?.group !== worker.group || rollout.state !== 'candidate') return
  if (!fleet.config.verifies) return proven(fleet, rollout)
  advance(rollout, 'ready')
  rollout.token = fleet.tokens.next()
  fleet.effects.verify(rollout.token, worker.socket)
}

/** @param reason why the candidate does not serve well; undefined when it does */
export function onVerified(fleet: Fleet, token: number, reason: string | undefined): void {
  const { rollout } = fleet
  if (rollout?.token !== token || rollout.state !== 'verifying') return
  if (reason !== undefined) return refuse(fleet, 'verify-failed', { message: reason })
  proven(fleet, rollout)
}

function proven(fleet: Fleet, rollout: Rollout): void {
  fleet.effects.emit({ type: 'generation-verified', generation: rollout.generationId })
  advance(rollout, 'proven')
}

/** A proven generation gets the rest of its workers. When enough are ready, the disk is asked whether it is still wanted. */
export function fill(fleet: Fleet): void {
  const { rollout } = fleet
  if (rollout?.state !== 'filling' || rollout.group === null) return
  if (!hasEnough(fleet, rollout.group)) return
  if (rollout.kind === 'rollback') return advance(rollout, 'confirmed')
  advance(rollout, 'filled')
  fleet.reading.ask(newWish(fleet.nowMs, { commands: [], reason: rollout.reason, confirms: true }))
}

/** Starts the workers that are missing, as far as there is memory; with those there is memory for it takes over. */
function hasEnough(fleet: Fleet, group: Group): boolean {
  if (fleet.config.cutAfter === 'first' && readyWorkers(group).length > 0) return true
  const missing = emptySlots(fleet, group)
  const surge = surgeOf(fleet, group, missing.length)
  for (const slot of missing.slice(0, surge.starts)) if (!startWorker(fleet, group, slot)) return false
  if (surge.verdict === 'waiting') return false
  if (surge.verdict === 'limited') tellLimited(fleet, group)
  return surge.verdict === 'limited' || hasEveryWorker(fleet, group)
}

function hasEveryWorker(fleet: Fleet, group: Group): boolean {
  return readyWorkers(group).filter(({ slot }) => slot <= fleet.wanted).length >= fleet.wanted
}

/** The disk has what is on its way, so the wish is answered together with it. */
export function join(rollout: Rollout, wish: Wish): void {
  rollout.commands.push(...wish.commands)
  rollout.unasked ||= wish.unasked
  confirm(rollout, wish)
}

/** One more operator waits for it. */
export function awaitRollout(rollout: Rollout, command: CommandId): void {
  rollout.commands.push(command)
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
  if (rollout === null) return wish
  const outdated = wish.confirms ? rollout.outdated + 1 : wish.outdated
  const isAskedAnew = !wish.confirms || wish.commands.length > 0
  if (rollout.reason !== START && isAskedAnew) return { ...wish, outdated }
  const { reason, sinceMs } = rollout
  const commands = [...rollout.commands.splice(0), ...wish.commands]
  return { ...wish, commands, reason, sinceMs, outdated, unasked: wish.unasked || rollout.unasked }
}

/** The router is about to serve it, or already does: what happens now no longer stops it. */
export function isCutting({ routing, rollout }: Fleet): boolean {
  return routing.isCuttingTo(rollout?.generationId)
}

/** A worker of the rollout did not become ready, or did not stay so. */
export function onCandidateLost(fleet: Fleet, worker: Worker, code: RefusalCode, failure: Failure): void {
  // Once the switch is ordered the other workers serve, and the lost one is replaced as in any generation that serves.
  if (fleet.rollout?.group !== worker.group || isCutting(fleet)) return
  refuse(fleet, code, failure)
}

/** The router failed to follow an order about the rollout's generation. @param attempts after which it is given up */
export function onRoutingFailed(fleet: Fleet, rollout: Rollout, error: Error, attempts: number): void {
  rollout.routingFailures += 1
  if (rollout.routingFailures < attempts) return
  refuse(fleet, 'routing-failed', { message: `the balancer cannot route to it: ${error.message}` })
}

/** Refusals that say something about the content: the watcher does not try it again. */
const aboutContent: ReadonlySet<RefusalCode> = new Set([
  'build-failed',
  'config-invalid',
  'boot-failed',
  'boot-timeout',
  'verify-failed',
])

/** Ends the rollout in progress, if there is one, with the reason for everyone who waits for it. */
export function refuse(fleet: Fleet, code: RefusalCode, failure: Failure): void {
  const { rollout } = fleet
  if (rollout === null) return
  end(fleet, rollout)
  if (isUnsettled(fleet, rollout, failure)) {
    return lookLater(fleet, newWish(fleet.nowMs, { ...againFor(rollout), retried: true }))
  }
  const refusal = refusalOf(fleet, code, rollout.generationId, failure)
  if (aboutContent.has(code)) {
    if (failure.byChance !== true) fleet.refusals.quarantine(rollout.generationId)
    fleet.refusals.show(refusal)
    fleet.counters.refuse()
  }
  tellRefused(fleet, refusal)
  answerAll(fleet, rollout.commands, { ok: false, refusal })
}

/** Ends the rollout in progress, if there is one, because something else takes its place. */
export function supersede(fleet: Fleet, code: 'superseded' | 'held' | 'stopping', message: string): void {
  refuse(fleet, code, { message })
}

/** The caller of this command does not wait any more. A rollout that nothing else wants is given up. */
export function cancelRollout(fleet: Fleet, command: CommandId): void {
  const { rollout } = fleet
  if (rollout === null) return
  const index = rollout.commands.indexOf(command)
  if (index >= 0) rollout.commands.splice(index, 1)
  if (rollout.unasked || rollout.commands.length > 0 || isCutting(fleet)) return
  supersede(fleet, 'superseded', 'the command that asked for it was cancelled')
}

/** Takes back everything that was done for the rollout. */
function end(fleet: Fleet, rollout: Rollout): void {
  fleet.rollout = null
  if (rollout.state === 'confirming') {
    fleet.reading.withdrawConfirmation()
    dropUnwanted(fleet)
  }
  advance(rollout, 'ended')
  fleet.effects.abort(rollout.token)
  if (rollout.leftover !== null) discardUnused(fleet, rollout.leftover)
  if (rollout.group === null) return
  if (rollout.routingFailures > 0) recall(fleet, rollout.group)
  else if (rollout.group.served) retire(fleet, rollout.group)
  else dismiss(fleet, rollout.group)
  discardUnused(fleet, rollout.group.generation.snapshot)
}

/** The router may have switched already without our having heard of it: it is told to switch back first. */
function recall(fleet: Fleet, group: Group): void {
  fleet.routing.distrustCut()
  group.served = true
  retire(fleet, group)
}

/** A file that does not compile, so shortly after it was written, may have been read half-written. */
function isUnsettled(fleet: Fleet, { tree, retried }: Rollout, { failure }: Failure): boolean {
  if (tree === null || retried) return false
  if (failure?.kind !== 'compile' && failure?.kind !== 'config') return false
  return fleet.effects.wallMs() - tree.newestMs < UNSETTLED_MS
}

function lookLater(fleet: Fleet, wish: Wish): void {
  fleet.reading.settle(wish, fleet.nowMs + UNSETTLED_MS)
}

/** The router has switched: the rollout's generation serves. */
export function commit(fleet: Fleet, rollout: Rollout, group: Group): void {
  const { serving: old } = fleet
  const { generationId: generation, kind, reason } = rollout
  advance(rollout, 'cut')
  fleet.rollout = null
  become(group, 'serving')
  group.served = true
  group.growing = old !== null && readyWorkers(group).length < fleet.wanted
  fleet.serving = group
  fleet.counters.admit()
  fleet.refusals.show(kind === 'rollback' && rollout.unasked ? takenBack(fleet, old, rollout) : null)
  fleet.refusals.quarantine(kind === 'rollback' ? (old?.generation.id ?? null) : null)
  endObservation(fleet)
  const tookMs = fleet.nowMs - rollout.sinceMs
  const previous = old?.generation.id ?? null
  tellCut(fleet, { generation, previous, tookMs })
  if (kind === 'rollback' && previous !== null) {
    fleet.effects.emit({ type: 'rolled-back', from: previous, to: generation, reason })
  }
  if (old !== null) replacePrevious(fleet, old, rollout)
  if (fleet.state === 'starting') announce(fleet, generation, tookMs)
  answerAll(fleet, rollout.commands, { ok: true, generation, previous, tookMs, unchanged: false })
  finishRestart(fleet)
}

/** A generation that was found wanting stays visible as such until other content is admitted. */
function takenBack(fleet: Fleet, old: Group | null, { reason }: Rollout): Refusal | null {
  return old === null ? null : refusalOf(fleet, 'rolled-back', old.generation.id, { message: reason })
}

function replacePrevious(fleet: Fleet, old: Group, rollout: Rollout): void {
  const dropped = fleet.previous
  fleet.previous = old.generation
  const isAffordable = rollout.group?.limited !== true
  if (rollout.kind === 'reload' && fleet.config.observe !== null && isAffordable) beginObservation(fleet, old)
  else retire(fleet, old)
  if (dropped !== null) discardUnused(fleet, dropped.snapshot)
}

function announce(fleet: Fleet, generation: string, tookMs: number): void {
  enterState(fleet, 'running')
  fleet.effects.emit({ type: 'ready', generation, workers: fleet.wanted, tookMs })
}
