import type { ComparedGroup, Comparison } from '../contract/ports.ts'

/** `worse`: the code is to blame; `no-worse`: it is not; `open`: not known yet. */
export type ComparisonVerdict = 'worse' | 'no-worse' | 'open'

export interface ComparisonLimits {
  /** Failed answers below which nothing is said. */
  readonly minErrors: number
  /** How far the share of failed answers may exceed that of the previous generation. */
  readonly maxErrorRate: number
  /** Code that dies answers little: each request it loses says more. */
  readonly crashed: boolean
}

/** Standard errors the difference has to exceed: chance does so in one of 30,000 looks. */
const SURE = 4
/** The same where workers have died, and failures that are enough then. */
const SURE_OF_CRASHES = 3.5
const MIN_CRASH_ERRORS = 3
/** So many requests on either side without a difference clear the generation. */
const CLEARED_AFTER = 100
/** So many without a certain one, too. */
const UNCERTAIN_AFTER = 1_000
/** Clients that have to meet failures, unless no more than these were known before. */
const MIN_CLIENTS = 3
/** Fewer answers before the cut do not tell what is asked for. */
const MIN_HISTORY = 5
/** Then so many more have to fail: strangers may be the only ones there are. */
const MAX_ERROR_RATE_UNKNOWN = 0.5
/** Share of the clients that have to meet them. */
const MIN_CLIENT_SHARE = 0.1

/**
 * Judges a generation by requests for which lots decided who answers, so that what clients send, and when, is the same
 * on both sides. Three rules keep what remains out of their hands:
 *
 * - Kinds of requests weigh what they weighed before the cut: sending one of them often does not make it matter, and
 *   one that was never answered well before does not matter at all.
 * - What the previous generation refuses (4xx) is the fault of the client, whatever the new one makes of it.
 * - Several clients have to meet the failures, where there are several.
 */
export function judge(
  { kinds, clients }: Comparison,
  { minErrors, maxErrorRate, crashed }: ComparisonLimits,
): ComparisonVerdict {
  const isKnown = total(kinds, 'history') >= MIN_HISTORY
  const weighed = isKnown ? kinds : kinds.map((kind) => ({ ...kind, history: answeredWell(kind) }))
  const { difference, deviation } = weighedDifference(weighed)
  const matters = isKnown ? maxErrorRate : MAX_ERROR_RATE_UNKNOWN
  const chance = (crashed ? SURE_OF_CRASHES : SURE) * deviation
  const isSure = difference > Math.max(matters, chance)
  const enough = crashed ? Math.min(MIN_CRASH_ERRORS, minErrors) : minErrors
  if (isSure && failedOf(weighed) >= enough && isWidespread(clients)) return 'worse'
  const drawn = Math.min(total(kinds, 'requests'), total(kinds, 'requestsBefore'))
  if (drawn >= UNCERTAIN_AFTER || (drawn >= CLEARED_AFTER && difference <= maxErrorRate)) return 'no-worse'
  return 'open'
}

/** Direct standardisation: the share of failures that the traffic of before would have met. */
function weighedDifference(kinds: readonly ComparedGroup[]): { difference: number; deviation: number } {
  const whole = total(kinds, 'history')
  if (whole === 0) return { difference: 0, deviation: 0 }
  let difference = 0
  let variance = 0
  for (const kind of comparable(kinds)) {
    const { history, requests, failed, requestsBefore, failedBefore, refusedBefore } = kind
    const weight = history / whole
    difference += weight * (failed / requests - (failedBefore + refusedBefore) / requestsBefore)
    variance += weight ** 2 * (varianceOf(failed, requests) + varianceOf(failedBefore, requestsBefore))
  }
  return { difference, deviation: Math.sqrt(variance) }
}

/**
 * Kinds of which both answered some. Where many are asked for, few of them are soon: those that lots gave to one side
 * only are taken together, each as one request, as all of a kind may well end alike.
 */
function comparable(kinds: readonly ComparedGroup[]): readonly ComparedGroup[] {
  const known = kinds.filter(({ history }) => history > 0)
  const others = known.filter((kind) => !isShared(kind) && kind.requests + kind.requestsBefore > 0)
  return [...known.filter(isShared), ...[together(others.map(asOneRequest))].filter(isShared)]
}

function isShared({ requests, requestsBefore }: ComparedGroup): boolean {
  return requests > 0 && requestsBefore > 0
}

function asOneRequest(kind: ComparedGroup): ComparedGroup {
  const { requests, failed, requestsBefore, failedBefore, refusedBefore } = kind
  const asked = requests + requestsBefore
  return {
    ...kind,
    requests: requests / asked,
    failed: failed / asked,
    requestsBefore: requestsBefore / asked,
    failedBefore: failedBefore / asked,
    refusedBefore: refusedBefore / asked,
  }
}

function together(kinds: readonly ComparedGroup[]): ComparedGroup {
  return {
    history: total(kinds, 'history'),
    requests: total(kinds, 'requests'),
    failed: total(kinds, 'failed'),
    requestsBefore: total(kinds, 'requestsBefore'),
    failedBefore: total(kinds, 'failedBefore'),
    refusedBefore: total(kinds, 'refusedBefore'),
  }
}

/** How many the previous generation answers well now, in place of how many it answered well while it served. */
function answeredWell({ requestsBefore, failedBefore, refusedBefore }: ComparedGroup): number {
  return requestsBefore - failedBefore - refusedBefore
}

/** Of a share; a few that are all alike prove less than they seem to, so one of either is added. */
function varianceOf(failed: number, requests: number): number {
  const share = (failed + 1) / (requests + 2)
  return (share * (1 - share)) / requests
}

function isWidespread(clients: readonly ComparedGroup[]): boolean {
  const known = clients.filter(({ history }) => history > 0).length
  const asked = clients.filter(({ requests }) => requests > 0).length
  const met = clients.filter(({ failed }) => failed > 0).length
  return met >= (known > MIN_CLIENTS ? MIN_CLIENTS : 1) && met > asked * MIN_CLIENT_SHARE
}

function failedOf(kinds: readonly ComparedGroup[]): number {
  return total(
    kinds.filter(({ history }) => history > 0),
    'failed',
  )
}

export function total(groups: readonly ComparedGroup[], column: keyof ComparedGroup): number {
  return groups.reduce((sum, group) => sum + group[column], 0)
}
