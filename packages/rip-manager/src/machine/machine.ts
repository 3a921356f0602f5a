import { TICK_MS } from '../contract/defaults.ts'
import type { TreeState } from '../contract/ports.ts'
import { activate, assignActivity } from './activity.ts'
import { answerUnchanged, turnDown } from './answers.ts'
import { tellRefused } from './announcements.ts'
import { freeBackground, keepBackground } from './background.ts'
import { condemnedText, tellFound } from './condemned.ts'
import type { Verdict } from '../contract/verdict.ts'
import { keepGood, onKept } from './keeping.ts'
import * as commands from './commands.ts'
import { configure } from './configure.ts'
import { forgiveGap, timeOut } from './deadlines.ts'
import { type FleetOptions, newFleet } from './fleet.ts'
import { hasGroup, onDrained } from './group.ts'
import { reportHealth } from './health.ts'
import type { Input } from './inputs.ts'
import { leave } from './leaving.ts'
import { findLostSockets, onRestored } from './lost-sockets.ts'
import { keepBudget } from './memory-budget.ts'
import { rankWorkers } from './oom-ranks.ts'
import { expectSilence, onMessage, onReady } from './messages.ts'
import { observe, onCompared, onObserved } from './observation.ts'
import { reap } from './reap.ts'
import { recycle } from './recycle.ts'
import { refusalOf } from './refusal.ts'
import { rollBackAfterCut, rollBackUnasked } from './rollback.ts'
import { commit, onRoutingFailed, refuse, supersede } from './rollout-end.ts'
import { beginReload, beginStandIn, bootCandidate, build, fill, onBuilt, onVerified } from './rollout.ts'
import { goOn, inherit, join } from './rollout-wishes.ts'
import { route } from './router-orders.ts'
import { settleScaling } from './scaling.ts'
import { decide, mustWait } from './scout.ts'
import { staff } from './staffing.ts'
import type { Fleet } from './state.ts'
import {
  askToStop,
  finishStop,
  onAcceptingStopped,
  onDoorsClosed,
  onRouterLeft,
  stopNow,
  stopWhenDue,
} from './stopping.ts'
import { isSilent, newWish, type Wish } from './wish.ts'

/**
 * Decides what to do about what happens. Every input is taken in whole, one after the other; after each the
 * fleet is brought one step closer to what is wanted. Nothing here waits, reads a clock or touches a process:
 * what is to be done goes out as effects, and what came of it comes back as further inputs.
 */
export class Machine {
  readonly fleet: Fleet
  readonly #queue: Input[] = []
  #busy = false

  constructor(options: FleetOptions) {
    this.fleet = newFleet(options)
  }

  handle(input: Input, nowMs: number): void {
    this.#queue.push(input)
    if (this.#busy) return
    this.#busy = true
    try {
      this.#takeQueued(nowMs)
    } finally {
      this.#busy = false
    }
  }

  #takeQueued(nowMs: number): void {
    const { fleet } = this
    forgiveGap(fleet, nowMs)
    fleet.nowMs = Math.max(fleet.nowMs, nowMs)
    for (let input = this.#queue.shift(); input !== undefined; input = this.#queue.shift()) {
      take(fleet, input)
      reconcile(fleet)
    }
  }

  /** When time alone may make a difference; never later than the next tick. */
  get nextDueMs(): number {
    const { fleet } = this
    const times = [...dueTimes(fleet)].filter((atMs) => atMs > fleet.nowMs)
    return Math.min(fleet.nowMs + TICK_MS, ...times)
  }
}

function take(fleet: Fleet, input: Input): void {
  switch (input.type) {
    case 'start':
      return commands.start(fleet, input.command)
    case 'reload':
      return commands.reload(fleet, input)
    case 'restart':
      return commands.restart(fleet, input)
    case 'rollback':
      return commands.rollback(fleet, input)
    case 'scale':
      return commands.scale(fleet, input.command, input.workers)
    case 'configure':
      return configure(fleet, input.config)
    case 'hold':
      return commands.hold(fleet)
    case 'resume':
      return resume(fleet)
    case 'cancel':
      return commands.cancel(fleet, input.command)
    case 'wake':
      return wake(fleet, input.tree)
    case 'stop':
      return stop(fleet, input)
    case 'tree-read':
      return onTreeRead(fleet, input.token, input.result)
    case 'built':
      return onBuilt(fleet, input.token, input.result)
    case 'kept':
      return onKept(fleet, input.token, input.error)
    case 'verified':
      return onVerified(fleet, input.token, input.reason)
    case 'routed':
      return onRouted(fleet, input.token, input.error)
    case 'drained':
      return onDrained(fleet, input.generation, input.abandoned)
    case 'doors-closed':
      return onDoorsClosed(fleet)
    case 'accepting-stopped':
      return onAcceptingStopped(fleet)
    case 'router-left':
      return onRouterLeft(fleet, input.abandoned)
    case 'observed':
      return returnToPrevious(fleet, onObserved(fleet, input.token, input.counts))
    case 'compared':
      return returnToPrevious(fleet, onCompared(fleet, input.token, input.comparison))
    case 'message':
      return onMessage(fleet, input.pid, input.message)
    case 'silence':
      return expectSilence(fleet, input.pid, input.forMs)
    case 'accepting':
      return onAccepting(fleet, input.pid)
    case 'exited':
      return reap(fleet, input.pid, input.status, input.stderr)
    case 'services':
      return fleet.routing.reset(input.online)
    case 'restored':
      return onRestored(fleet, input.token, input.error)
    case 'activate':
      return activate(fleet)
    case 'background-free':
      return freeBackground(fleet)
    case 'tick':
      return
  }
}

/** Ends `hold`. What changed meanwhile is found by looking at the disk. */
function resume(fleet: Fleet): void {
  const wasHeld = commands.resume(fleet)
  if (wasHeld && fleet.watching) wake(fleet)
}

function stop(fleet: Fleet, { now, delay }: Extract<Input, { readonly type: 'stop' }>): void {
  askToStop(fleet, { delay: delay && !now })
  stopWhenDue(fleet)
  if (now) stopNow(fleet)
}

/** Brings the fleet one step closer to what is wanted, in this order. */
function reconcile(fleet: Fleet): void {
  commitCut(fleet)
  timeOut(fleet)
  stopWhenDue(fleet)
  findLostSockets(fleet)
  keepBudget(fleet)
  recycle(fleet)
  staff(fleet)
  keepBackground(fleet)
  build(fleet)
  bootCandidate(fleet)
  fill(fleet)
  rollBackAfterCut(fleet)
  lookAtDisk(fleet)
  route(fleet)
  assignActivity(fleet)
  leave(fleet)
  rankWorkers(fleet)
  observe(fleet)
  keepGood(fleet)
  settleScaling(fleet)
  reportHealth(fleet)
  finishStop(fleet)
}

/** Something may have changed on disk. @param tree what was just found there, if the watcher has looked */
function wake(fleet: Fleet, tree?: TreeState): void {
  if (!commands.follows(fleet)) return
  const wish = newWish(fleet.nowMs, { commands: [], reason: 'files changed', unasked: true })
  // A look that is under way is made for another wish: this one is looked after when it has ended.
  if (tree === undefined || !fleet.reading.isIdle) return fleet.reading.ask(wish)
  onTree(fleet, tree, wish)
}

function onTreeRead(fleet: Fleet, token: number, result: TreeState | Error): void {
  const wish = fleet.reading.take(token)
  if (wish === undefined) return
  if (result instanceof Error) onUnreadable(fleet, wish, result)
  else onTree(fleet, result, wish)
  lookAtDisk(fleet)
}

function onUnreadable(fleet: Fleet, wish: Wish, { message }: Error): void {
  if (wish.confirms) refuse(fleet, 'build-failed', { message, byChance: true })
  else if (isSilent(wish)) return fleet.effects.emit({ type: 'warning', message })
  turnDown(fleet, wish, refusalOf(fleet, 'build-failed', 'unknown', { message }))
}

/** Acts on what the scout decides about the content that was found on disk: a save, a reload, or the last look before a cut. */
function onTree(fleet: Fleet, tree: TreeState, wish: Wish): void {
  fleet.verdicts.found(tree.generation)
  const decision = decide(fleet, tree, wish)
  switch (decision.type) {
    case 'later':
      return fleet.reading.postpone(wish)
    case 'join':
      return join(decision.rollout, wish)
    case 'go-on':
      if (decision.warning !== undefined) fleet.effects.emit({ type: 'warning', message: decision.warning })
      return goOn(fleet, decision.rollout, wish)
    case 'quarantined':
      return giveWay(fleet, decision.supersedes)
    case 'condemned':
      giveWay(fleet, decision.supersedes)
      return turnDownCondemned(fleet, decision.verdict, wish)
    case 'stand-in': {
      const inherited = inherit(fleet, wish)
      giveWay(fleet, decision.supersedes)
      tellFound(fleet, decision.verdict, decision.good)
      return decision.good === undefined
        ? beginReload(fleet, tree, { ...inherited, forced: true })
        : beginStandIn(fleet, decision.good, inherited)
    }
    case 'held': {
      const failure = { message: 'reloads are on hold; resume them first' }
      return turnDown(fleet, wish, refusalOf(fleet, 'held', tree.generation, failure))
    }
    case 'unchanged':
    case 'begin': {
      const inherited = inherit(fleet, wish)
      giveWay(fleet, decision.supersedes)
      return decision.type === 'begin'
        ? beginReload(fleet, tree, inherited)
        : answerUnchanged(fleet, inherited)
    }
  }
}

/** An operator is told by an answer; the watcher's find is told once. */
function turnDownCondemned(fleet: Fleet, verdict: Verdict, wish: Wish): void {
  const refusal = refusalOf(fleet, 'condemned', verdict.generation, { message: condemnedText(verdict) })
  if (!isSilent(wish)) return turnDown(fleet, wish, refusal)
  if (fleet.rollout !== undefined || fleet.refusals.last?.generation === verdict.generation) return
  fleet.refusals.show(refusal)
  tellRefused(fleet, refusal)
}

/** Ends the rollout in progress if the content on disk takes its place. @param supersedes why, in words */
function giveWay(fleet: Fleet, supersedes: string | undefined): void {
  if (supersedes !== undefined) supersede(fleet, 'superseded', supersedes)
}

/** Wishes that had to wait are looked after once what was under way has ended. */
function lookAtDisk(fleet: Fleet): void {
  fleet.reading.askSettled(fleet.nowMs)
  // What is looked at after a switch is compared with what serves then.
  fleet.reading.askWaiting((wish) => !mustWait(fleet, wish))
}

function onRouted(fleet: Fleet, token: number, error: Error | undefined): void {
  const { routing, rollout, effects, nowMs } = fleet
  const order = routing.answered(token)
  if (order === undefined) return
  const isAlive = hasGroup(fleet, order.generation)
  if (error === undefined) return routing.acknowledged(order, isAlive)
  if (routing.failures === 0) {
    effects.emit({ type: 'warning', message: `the balancer did not follow: ${error.message}` })
  }
  routing.failed(order, isAlive, nowMs)
  if (rollout?.generationId === order.generation) onRoutingFailed(fleet, rollout, error)
}

/** What the router has switched to serves from now on. */
function commitCut(fleet: Fleet): void {
  const { rollout, routing } = fleet
  if (rollout?.state !== 'routing' || rollout.group === undefined) return
  if (routing.cut === rollout.generationId) commit(fleet, rollout, rollout.group)
}

function returnToPrevious(fleet: Fleet, reason: string | undefined): void {
  if (reason !== undefined) rollBackUnasked(fleet, reason)
}

function onAccepting(fleet: Fleet, pid: number): void {
  const worker = fleet.workers.get(pid)
  if (worker !== undefined) onReady(fleet, worker)
}

function* dueTimes(fleet: Fleet): Iterable<number> {
  for (const worker of fleet.workers.values()) {
    yield worker.deadlineMs
    yield worker.settledMs
    yield worker.drainByMs
    yield worker.drainByMs - fleet.config.killGraceMs
    yield worker.standbyByMs
  }
  for (const { processes, spawnAfterMs, trialUntilMs } of fleet.background) {
    for (const { deadlineMs } of processes) yield deadlineMs
    yield spawnAfterMs
    yield trialUntilMs
  }
  for (const group of fleet.groups) yield group.drawnUntilMs
  yield fleet.stop.dueMs
  if (fleet.serving !== undefined) {
    yield fleet.serving.spawnAfterMs
    yield fleet.serving.restAfterMs
  }
  yield fleet.routing.retryMs
  yield fleet.recycleAfterMs
  if (fleet.rollout?.roomCheckMs !== undefined) yield fleet.rollout.roomCheckMs
  yield fleet.reading.dueMs
  if (fleet.observation !== undefined) yield fleet.observation.nextMs
}
