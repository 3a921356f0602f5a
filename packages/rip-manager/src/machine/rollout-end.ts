import { REST_DELAY_MS, ROUTING_ATTEMPTS, UNSETTLED_MS } from '../contract/defaults.ts'
import type { GenerationId } from '../contract/router.ts'
import type { ReloadResult } from '../contract/manager-api.ts'
import type { Refusal, RefusalCode } from '../contract/refusal.ts'
import { tellCut, tellRefused } from './announcements.ts'
import { answerAll, answerStaying, dropUnwanted } from './answers.ts'
import { briefly } from './condemned.ts'
import { discardUnused } from './discard.ts'
import type { Failure } from './failure.ts'
import { become, dismiss, retire } from './group.ts'
import type { CommandId } from './inputs.ts'
import { enterState } from './life.ts'
import { isOutsideFault } from './outside-fault.ts'
import { beginObservation, endObservation } from './observation.ts'
import { refusalOf } from './refusal.ts'
import { finishRestart } from './restart.ts'
import { factsOf } from './rollout-facts.ts'
import { advance } from './rollout-state.ts'
import { againFor, lookLater } from './rollout-wishes.ts'
import type { Fleet, Group, Rollout, Worker } from './state.ts'
import { newWish } from './wish.ts'
import { readyWorkers } from './worker.ts'

/** Refusals that say something about the content: the watcher does not try it again. */
const aboutContent: ReadonlySet<RefusalCode> = new Set([
  'build-failed',
  'config-invalid',
  'boot-failed',
  'boot-timeout',
  'verify-failed',
])

/** A worker of the rollout did not become ready, or did not stay so. */
export function onCandidateLost(fleet: Fleet, worker: Worker, code: RefusalCode, failure: Failure): void {
  // Once the switch is ordered the other workers serve, and the lost one is replaced as in any generation that serves.
  if (fleet.rollout?.group !== worker.group || isCutting(fleet)) return
  refuse(fleet, code, failure)
}

/** The router failed to follow an order about the rollout's generation. After some attempts the rollout is given up. */
export function onRoutingFailed(fleet: Fleet, rollout: Rollout, error: Error): void {
  rollout.routingFailures += 1
  if (rollout.routingFailures < ROUTING_ATTEMPTS) return
  refuse(fleet, 'routing-failed', { message: `the balancer cannot route to it: ${error.message}` })
}

/** Ends the rollout in progress, if there is one, with the reason for everyone who waits for it. */
export function refuse(fleet: Fleet, code: RefusalCode, failure: Failure): void {
  const { rollout } = fleet
  if (rollout === undefined) return
  end(fleet, rollout)
  if (isUnsettled(fleet, rollout, failure)) {
    return lookLater(fleet, newWish(fleet.nowMs, { ...againFor(rollout), retried: true }))
  }
  const byChance = failure.byChance === true || isOutsideFault(failure)
  if (rollout.kind === 'stand-in' && aboutContent.has(code))
    return serveDisk(fleet, rollout, { ...failure, byChance })
  const refusal = refusalOf(fleet, code, rollout.generationId, failure)
  if (rollout.kind === 'rollback') answerStaying(fleet, refusal)
  if (aboutContent.has(code)) {
    if (!byChance) fleet.refusals.quarantine(rollout.generationId)
    fleet.refusals.show(refusal)
    fleet.counters.refuse()
  }
  tellRefused(fleet, refusal, rollout.changed)
  answerAll(fleet, rollout.commands, { ok: false, refusal })
}

/** The copy of the last good generation is of no use: condemned content is better than none. */
function serveDisk(fleet: Fleet, rollout: Rollout, { message, byChance }: Failure): void {
  const name = briefly(rollout.generationId)
  fleet.verdicts.dropGood({ forNow: byChance === true })
  fleet.effects.emit({
    type: 'warning',
    message: `the copy of the last good code, ${name}, cannot be served: ${message}`,
  })
  fleet.reading.ask(newWish(fleet.nowMs, againFor(rollout)))
}

/** Ends the rollout in progress, if there is one, because something else takes its place. */
export function supersede(fleet: Fleet, code: 'superseded' | 'held' | 'stopping', message: string): void {
  refuse(fleet, code, { message })
}

/** The caller of this command does not wait any more. A rollout that nothing else wants is given up. */
export function cancelRollout(fleet: Fleet, command: CommandId): void {
  const { rollout } = fleet
  if (rollout === undefined) return
  const index = rollout.commands.indexOf(command)
  if (index >= 0) rollout.commands.splice(index, 1)
  if (rollout.unasked || rollout.commands.length > 0 || isCutting(fleet)) return
  supersede(fleet, 'superseded', 'the command that asked for it was cancelled')
}

/** Takes back everything that was done for the rollout. */
export function end(fleet: Fleet, rollout: Rollout): void {
  fleet.rollout = undefined
  if (rollout.state === 'confirming') {
    fleet.reading.withdrawConfirmation()
    dropUnwanted(fleet)
  }
  advance(rollout, 'ended')
  fleet.effects.abort(rollout.token)
  if (rollout.leftover !== undefined) discardUnused(fleet, rollout.leftover)
  if (rollout.group === undefined) return
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
  if (tree === undefined || retried) return false
  if (failure?.kind !== 'compile' && failure?.kind !== 'config') return false
  return fleet.effects.wallMs() - tree.newestMs < UNSETTLED_MS
}

/** The router has switched: the rollout's generation serves. */
export function commit(fleet: Fleet, rollout: Rollout, group: Group): void {
  const { serving: old } = fleet
  const { generationId: generation, kind, reason } = rollout
  advance(rollout, 'cut')
  fleet.rollout = undefined
  become(group, 'serving')
  group.served = true
  if (fleet.config.cutAfter === 'first') group.restAfterMs = fleet.nowMs + REST_DELAY_MS
  group.growing = old !== undefined && readyWorkers(group).length < fleet.wanted
  fleet.serving = group
  fleet.counters.admit()
  fleet.refusals.show(shownFrom(fleet, rollout, old))
  fleet.refusals.quarantine(kind === 'rollback' ? old?.generation.id : undefined)
  const insists = isInsistedOn(fleet, rollout)
  judge(fleet, rollout, old)
  endObservation(fleet)
  const tookMs = fleet.nowMs - rollout.sinceMs
  const previous = old?.generation.id
  tellCut(fleet, { generation, previous: previous ?? null, tookMs, ...factsOf(rollout) })
  if (kind === 'rollback' && previous !== undefined) {
    fleet.effects.emit({ type: 'rolled-back', from: previous, to: generation, reason })
  }
  if (old !== undefined) replacePrevious(fleet, old, rollout, insists)
  if (fleet.state === 'starting') announce(fleet, generation, tookMs)
  answerServed(fleet, rollout.commands, {
    ok: true,
    generation,
    previous: previous ?? null,
    tookMs,
    unchanged: false,
  })
  finishRestart(fleet)
}

/** An operator has content served that was condemned. */
function isInsistedOn({ state, verdicts }: Fleet, { forced, generationId }: Rollout): boolean {
  return forced && state === 'running' && verdicts.on(generationId) !== undefined
}

/** Who returns from a generation condemns it; who insists on a condemned one says nothing of the other. */
function judge(fleet: Fleet, rollout: Rollout, old: Group | undefined): void {
  const { kind, generationId, unasked, reason } = rollout
  if (isInsistedOn(fleet, rollout)) return fleet.verdicts.lift(generationId)
  if (kind !== 'rollback' || old === undefined) return
  fleet.verdicts.condemn(old.generation.id, unasked ? 'server' : 'operator', reason)
  answerStaying(fleet, takenBack(fleet, old, rollout))
}

/** Those that stay are answered when the observation, if there is one, has ended. */
function answerServed(
  fleet: Fleet,
  commands: readonly CommandId[],
  result: Extract<ReloadResult, { readonly ok: true }>,
): void {
  const { windowMs: watchedMs } = fleet.config.observe ?? {}
  if (fleet.observation === undefined || watchedMs === undefined) return answerAll(fleet, commands, result)
  const watched = { ...result, watchedMs }
  answerAll(fleet, fleet.staying.hold(commands, watched), watched)
}

/** What stays visible as not served until other content is admitted. */
function shownFrom(fleet: Fleet, rollout: Rollout, old: Group | undefined): Refusal | undefined {
  if (rollout.kind === 'rollback' && rollout.unasked) return takenBack(fleet, old, rollout)
  const verdict = rollout.kind === 'stand-in' ? fleet.verdicts.on(fleet.verdicts.disk?.generation) : undefined
  if (verdict === undefined) return undefined
  const { generation, reason: message, atMs } = verdict
  return { code: 'rolled-back', generation, message, atMs }
}

/** A generation that was found wanting stays visible as such until other content is admitted. */
function takenBack(fleet: Fleet, old: Group | undefined, { reason }: Rollout): Refusal | undefined {
  return old === undefined
    ? undefined
    : refusalOf(fleet, 'rolled-back', old.generation.id, { message: reason })
}

function replacePrevious(fleet: Fleet, old: Group, rollout: Rollout, insists: boolean): void {
  const before = [fleet.previous, fleet.earlier].filter((each) => each !== undefined)
  fleet.previous = old.generation
  fleet.earlier = before.find(({ id }) => isReturnable(fleet, id))
  const isAffordable = rollout.group?.limited !== true && rollout.yielded.size === 0
  if ((rollout.kind === 'reload' || insists) && fleet.config.observe !== undefined && isAffordable)
    beginObservation(fleet, old)
  else retire(fleet, old)
  for (const { snapshot } of before) discardUnused(fleet, snapshot)
}

function isReturnable({ serving, previous, verdicts }: Fleet, id: GenerationId): boolean {
  return id !== serving?.generation.id && id !== previous?.id && verdicts.on(id) === undefined
}

function announce(fleet: Fleet, generation: string, tookMs: number): void {
  enterState(fleet, 'running')
  fleet.effects.emit({ type: 'ready', generation, workers: fleet.wanted, tookMs })
}

/** The switch to the rollout's generation is ordered. The router may follow any moment, so the rollout cannot end any more. */
export function isCutting({ routing, rollout }: Fleet): boolean {
  return routing.isCuttingTo(rollout?.generationId)
}
