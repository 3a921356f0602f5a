import { answerStaying } from './answers.ts'
import { isOnTrial } from './background-trial.ts'
import { judge, total } from './comparison.ts'
import { become, retire } from './group.ts'
import type { ObservedCounts } from './inputs.ts'
import type { Group, Observation, Fleet } from './state.ts'
import type { Comparison, ResponseCounts } from '../contract/ports.ts'
import type { GenerationId } from '../contract/router.ts'

/** Fewer answers, or failed ones, are no reason to draw lots. */
const SUSPECT_REQUESTS = 10
const SUSPECT_ERRORS = 5
/** The router goes on drawing lots for so many looks when it is not asked again. */
const COMPARES_FOR_LOOKS = 5
/** The order to draw lots may reach the router so late. */
const LATE_MS = 1_000

/** A look that is not answered for so long is not waited for any more. */
const LOOK_WITHIN_MS = 1_000

/** The previous generation stands by while the answers of the new one are watched. */
export function beginObservation(fleet: Fleet, previous: Group): void {
  const { observe } = fleet.config
  if (observe === undefined) return
  become(previous, 'standby')
  fleet.observation = {
    previous,
    untilMs: fleet.nowMs + observe.windowMs,
    baseline: undefined,
    nextMs: fleet.nowMs,
    token: 0,
    awaitedUntilMs: -Infinity,
    comparing: false,
    crashesFromMs: fleet.nowMs,
    cleared: 0,
  }
}

/** The previous generation is not returned to any more, unless an operator asks. */
export function endObservation(fleet: Fleet): void {
  const { observation } = fleet
  if (observation === undefined) return
  fleet.observation = undefined
  answerStaying(fleet)
  if (observation.previous.state === 'standby') retire(fleet, observation.previous)
}

/** Ends the observation and returns the group that stands by, which is not told to leave. */
export function takeStandby(fleet: Fleet): Group | undefined {
  const standby = fleet.observation?.previous
  fleet.observation = undefined
  return standby
}

export function observe(fleet: Fleet): void {
  const { observation, serving, effects, nowMs } = fleet
  if (observation === undefined || serving === undefined) return
  const compares = fleet.config.observe?.compares === true
  if (compares && hasCrashed(fleet, observation)) compareFromNowOn(fleet, observation)
  // While code cannot stay alive, the previous generation takes the requests it cannot.
  const isUnsettled = (compares && serving.budget.spent) || isOnTrial(fleet)
  if (nowMs >= observation.untilMs && !isUnsettled) return endObservation(fleet)
  if (nowMs < observation.nextMs) return
  const everyMs = fleet.config.observe?.everyMs ?? Infinity
  const { previous } = observation
  observation.nextMs = nowMs + everyMs
  // Its answer would count for nothing once the next look has begun.
  if (nowMs < observation.awaitedUntilMs) return
  observation.awaitedUntilMs = nowMs + LOOK_WITHIN_MS
  observation.token = fleet.tokens.next()
  if (observation.comparing) {
    const forMs = everyMs * COMPARES_FOR_LOOKS
    previous.drawnUntilMs = nowMs + forMs + LATE_MS
    effects.compare(observation.token, previous.generation.id, forMs)
  } else effects.observe(observation.token, serving.generation.id, previous.generation.id)
}

/** Returns why the previous generation has to serve again; undefined while it has not. */
export function onObserved(
  fleet: Fleet,
  token: number,
  counts: ObservedCounts | undefined,
): string | undefined {
  const { observation } = fleet
  if (observation?.token !== token) return undefined
  observation.awaitedUntilMs = -Infinity
  if (counts === undefined || fleet.rollout !== undefined) return undefined
  const since = answersSinceCut(observation, counts.serving)
  if (fleet.config.observe!.compares) {
    suspect(fleet, observation, since, counts.previous)
    return undefined
  }
  return isWorse(fleet, since, counts.previous) ? failuresText(since, counts.previous) : undefined
}

/** Clients can make answers fail: only lots show whether the code is to blame. */
function suspect(
  fleet: Fleet,
  observation: Observation,
  since: ResponseCounts,
  previous: ResponseCounts,
): void {
  const { maxErrorRate } = fleet.config.observe!
  const patience = 2 ** observation.cleared
  if (since.requests < SUSPECT_REQUESTS * patience || since.errors < SUSPECT_ERRORS * patience) return
  if (shareOf(since) <= shareOf(previous) + maxErrorRate) return
  tellSuspicion(fleet, observation, since)
  compareFromNowOn(fleet, observation)
}

/** A worker has died since the cut, or since the generation was cleared. */
function hasCrashed({ serving }: Fleet, { crashesFromMs }: Observation): boolean {
  return serving !== undefined && serving.lastCrashMs >= crashesFromMs
}

function compareFromNowOn(fleet: Fleet, observation: Observation): void {
  if (observation.comparing) return
  observation.comparing = true
  observation.nextMs = fleet.nowMs
  observation.awaitedUntilMs = -Infinity
  // Once only: clients cannot keep the previous generation from leaving by making answers fail.
  if (observation.cleared === 0) observation.untilMs = fleet.nowMs + fleet.config.observe!.windowMs
}

function tellSuspicion(fleet: Fleet, { previous }: Observation, { errors, requests }: ResponseCounts): void {
  const counts = { previous: previous.generation.id, errors, requests }
  fleet.effects.emit({ type: 'generation-suspected', ...servingId(fleet), ...counts })
}

/** Returns why the previous generation has to serve again; undefined while it has not. */
export function onCompared(
  fleet: Fleet,
  token: number,
  comparison: Comparison | undefined,
): string | undefined {
  const { observation } = fleet
  if (observation?.token !== token) return undefined
  observation.awaitedUntilMs = -Infinity
  if (comparison === undefined || fleet.rollout !== undefined) return undefined
  const { minErrors, maxErrorRate } = fleet.config.observe!
  const verdict = judge(comparison, { minErrors, maxErrorRate, crashed: hasCrashed(fleet, observation) })
  if (verdict === 'worse') return reasonOf(comparison)
  if (verdict === 'no-worse' && fleet.serving?.budget.spent !== true) clear(fleet, observation)
  return undefined
}

function clear(fleet: Fleet, observation: Observation): void {
  fleet.effects.emit({ type: 'generation-cleared', ...servingId(fleet) })
  observation.comparing = false
  observation.crashesFromMs = fleet.nowMs
  observation.cleared += 1
  observation.baseline = undefined
}

function servingId({ serving }: Fleet): { readonly generation: GenerationId } {
  // Nothing is observed before something serves.
  return { generation: serving!.generation.id }
}

function reasonOf({ kinds }: Comparison): string {
  const now = { requests: total(kinds, 'requests'), errors: total(kinds, 'failed') }
  const previous = { requests: total(kinds, 'requestsBefore'), errors: total(kinds, 'failedBefore') }
  return failuresText(now, previous)
}

function failuresText(now: ResponseCounts, previous: ResponseCounts): string {
  return (
    `${now.errors} of ${now.requests} answers failed (${percent(shareOf(now))}); ` +
    `it was ${percent(shareOf(previous))} before`
  )
}

/** Answers since the cut. The same content may have served, and been counted, before. */
function answersSinceCut(observation: Observation, counts: ResponseCounts): ResponseCounts {
  observation.baseline ??= counts
  // Fewer than at the cut: the router is a new process that began to count anew.
  if (counts.requests < observation.baseline.requests) observation.baseline = { requests: 0, errors: 0 }
  const { requests, errors } = observation.baseline
  return { requests: counts.requests - requests, errors: counts.errors - errors }
}

/** Few answers say little: one failure among ten is no reason to go back. */
function isWorse({ config }: Fleet, now: ResponseCounts, previous: ResponseCounts): boolean {
  const { minRequests, minErrors, maxErrorRate } = config.observe!
  if (now.requests < minRequests || now.errors < minErrors) return false
  return shareOf(now) > shareOf(previous) + maxErrorRate
}

function shareOf({ requests, errors }: ResponseCounts): number {
  return requests === 0 ? 0 : errors / requests
}

function percent(rate: number): string {
  return `${(rate * 100).toFixed(1)} %`
}
