import type { BuildResult, Snapshot, TreeState } from '../contract/ports.ts'
import { tellBegun } from './announcements.ts'
import { answerUnchanged } from './answers.ts'
import { isBackgroundReady } from './background-post.ts'
import { discardUnused } from './discard.ts'
import { fromBootFailure } from './failure.ts'
import type { Generation, Surroundings } from './generation.ts'
import { become, createGroup } from './group.ts'
import { end, refuse } from './rollout-end.ts'
import { changedFrom } from './rollout-facts.ts'
import { advance } from './rollout-state.ts'
import { againFor } from './rollout-wishes.ts'
import type { KeptGeneration } from '../contract/verdict.ts'
import { condemnedText, tellFound } from './condemned.ts'
import { hasRoomToBoot, hasRoomToBuild } from './making-room.ts'
import type { Fleet, Group, Rollout, Worker } from './state.ts'
import { surgeOf, tellLimited } from './surge.ts'
import { newWish, type Wish } from './wish.ts'
import { emptySlots, launch, readyWorkers } from './worker.ts'
import { messageOf } from '../contract/message-of.ts'

/** Starts to bring content from disk into service. */
export function beginReload(fleet: Fleet, tree: TreeState, wish: Wish): void {
  const { generation } = tree
  const rollout = begin(fleet, 'reload', generation, tree, wish)
  tellBegun(fleet, generation, wish.reason)
  if (!fleet.config.builds) return boot(fleet, rollout, { generation })
  rollout.isBuilding = false
  measure(fleet)
  build(fleet)
}

/** New code is built when there is room for it. */
export function build(fleet: Fleet): void {
  const { rollout } = fleet
  if (rollout?.state !== 'building' || rollout.isBuilding || rollout.tree === undefined) return
  if (!hasRoomToBuild(fleet, rollout)) return
  rollout.isBuilding = true
  fleet.effects.build(rollout.token, rollout.tree)
}

/** Starts to serve the copy of the last good generation. */
export function beginStandIn(fleet: Fleet, { generation }: KeptGeneration, wish: Wish): void {
  const rollout = begin(fleet, 'stand-in', generation, undefined, wish)
  tellBegun(fleet, generation, wish.reason)
  fleet.effects.fetchKept(rollout.token, generation)
}

/** Starts to return to a generation that served before; its workers are used if they still stand by. */
export function beginRollback(fleet: Fleet, to: Generation, standby: Group | undefined, wish: Wish): void {
  const rollout = begin(fleet, 'rollback', to.id, undefined, wish)
  if (standby === undefined) {
    rollout.group = createGroup(fleet, to)
    return startCandidate(fleet, rollout)
  }
  become(standby, 'candidate')
  rollout.group = standby
  advance(rollout, 'found-standby')
}

function begin(
  fleet: Fleet,
  kind: Rollout['kind'],
  generationId: string,
  tree: TreeState | undefined,
  { commands, reason, sinceMs, retried, forced, outdated, unasked }: Wish,
): Rollout {
  const rollout: Rollout = {
    generationId,
    kind,
    tree,
    commands: [...commands],
    reason,
    sinceMs,
    retried,
    forced,
    outdated,
    unasked,
    state: 'building',
    token: fleet.tokens.next(),
    group: undefined,
    leftover: undefined,
    isBuilding: true,
    yielded: new Set(),
    roomCheckMs: undefined,
    routingFailures: 0,
    changed: changedFrom(fleet.serving?.generation.content, tree),
    begunMs: fleet.nowMs,
    builtMs: undefined,
    readyMs: undefined,
  }
  fleet.rollout = rollout
  return rollout
}

export function onBuilt(fleet: Fleet, token: number, result: BuildResult | Error): void {
  const { rollout } = fleet
  if (rollout?.token !== token || rollout.state !== 'building') return discardLate(fleet, result)
  rollout.builtMs = fleet.nowMs
  if (result instanceof Error) return onNotBuilt(fleet, rollout, result)
  if ('changed' in result) return readAnew(fleet, rollout)
  rollout.generationId = result.ok ? result.snapshot.generation : (result.generation ?? rollout.generationId)
  if (rollout.kind === 'reload') fleet.verdicts.found(rollout.generationId)
  if (result.ok && rollout.generationId === fleet.serving?.generation.id)
    return endUnchanged(fleet, rollout, result.snapshot)
  if (result.ok && isUnwelcome(fleet, rollout)) return onCondemned(fleet, rollout, result.snapshot)
  if (result.ok) return boot(fleet, rollout, result.snapshot)
  const code = result.failure.kind === 'config' ? 'config-invalid' : 'build-failed'
  refuse(fleet, code, { ...fromBootFailure(result.failure), byChance: result.byChance === true })
}

/** A builder reports what is wrong with the content: what it throws is something else. A copy that is gone stays so. */
function onNotBuilt(fleet: Fleet, { kind }: Rollout, { message }: Error): void {
  refuse(fleet, 'build-failed', { message, byChance: kind !== 'stand-in' })
}

function isUnwelcome({ verdicts }: Fleet, { kind, forced, generationId }: Rollout): boolean {
  return kind === 'reload' && !forced && verdicts.on(generationId) !== undefined
}

/** Only the build could tell that the content was condemned: at a start it is not known yet what belongs to it. */
function onCondemned(fleet: Fleet, rollout: Rollout, snapshot: Snapshot): void {
  const verdict = fleet.verdicts.on(rollout.generationId)!
  if (fleet.serving !== undefined) {
    refuse(fleet, 'condemned', { message: condemnedText(verdict) })
    return discardUnused(fleet, snapshot)
  }
  const { good } = fleet.verdicts
  tellFound(fleet, verdict, good)
  rollout.forced = true
  if (good === undefined) return boot(fleet, rollout, snapshot)
  const wish = newWish(fleet.nowMs, againFor(rollout))
  end(fleet, rollout)
  discardUnused(fleet, snapshot)
  beginStandIn(fleet, good, wish)
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
      content: snapshot.content ?? rollout.tree,
      surroundings: surroundingsOf(fleet, rollout),
    })
  } catch (error) {
    const message = `cannot read the environment: ${messageOf(error)}`
    return refuse(fleet, 'build-failed', { message, byChance: true })
  }
  startCandidate(fleet, rollout)
}

/** A stand-in starts where the generation did, which a link such as `current` may not lead to any more. */
function surroundingsOf({ effects, verdicts }: Fleet, { kind }: Rollout): Surroundings {
  const { good } = verdicts
  const now = effects.readSurroundings()
  return kind === 'stand-in' && good !== undefined ? { ...now, cwd: good.cwd } : now
}

function startCandidate(fleet: Fleet, rollout: Rollout): void {
  advance(rollout, 'built')
  if (fleet.wanted === 0) return proven(fleet, rollout)
  measure(fleet)
  bootCandidate(fleet)
}

/** Workers may have grown since they booted. */
function measure({ effects, serving }: Fleet): void {
  for (const worker of serving?.workers ?? [])
    worker.ownBytes = Math.max(worker.ownBytes, effects.footprint(worker.pid)?.bytes ?? 0)
}

/** The first worker of a generation boots when there is room for it. */
export function bootCandidate(fleet: Fleet): void {
  const { rollout } = fleet
  if (rollout?.state !== 'candidate' || rollout.group === undefined || rollout.group.workers.size > 0) return
  if (hasRoomToBoot(fleet, rollout, rollout.group)) startWorker(fleet, rollout.group, 1)
}

/** The candidate has ended through no fault of its own. */
export function startCandidateAgain(fleet: Fleet, group: Group): void {
  if (fleet.rollout?.group === group && fleet.rollout.state === 'candidate') startWorker(fleet, group, 1)
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
  rollout.readyMs = fleet.nowMs
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
  if (rollout?.state !== 'filling' || rollout.group === undefined) return
  if (!hasEnough(fleet, rollout.group) || !isBackgroundReady(fleet, rollout.group.generation)) return
  if (rollout.kind !== 'reload') return advance(rollout, 'confirmed')
  advance(rollout, 'filled')
  fleet.reading.ask(newWish(fleet.nowMs, { commands: [], reason: rollout.reason, confirms: true }))
}

/** Starts the workers that are missing, as far as there is memory; with those there is memory for it takes over. */
function hasEnough(fleet: Fleet, group: Group): boolean {
  if (fleet.wanted === 0) return true
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
