import type { RecycleReason } from '../contract/exit-reason.ts'
import { CrashBudget } from './crash-budget.ts'
import type { Generation } from './generation.ts'
import type { BackgroundPost, BackgroundProcess, BackgroundState, Fleet } from './state.ts'

const allowed: Readonly<Record<BackgroundState, readonly BackgroundState[]>> = {
  preparing: ['prepared', 'terminating', 'killed'],
  prepared: ['beginning', 'terminating', 'killed'],
  beginning: ['working', 'leaving', 'terminating', 'killed'],
  working: ['leaving', 'terminating', 'killed'],
  leaving: ['terminating', 'killed'],
  terminating: ['killed'],
  killed: [],
}

/** @throws Error when this cannot follow: the machine has lost track */
export function enterBackground(
  { nowMs }: Fleet,
  process: BackgroundProcess,
  state: BackgroundState,
  deadlineMs: number = Infinity,
): void {
  if (!allowed[process.state].includes(state))
    throw new Error(`${process.name} (${process.pid}) cannot go from ${process.state} to ${state}`)
  process.state = state
  process.stateSinceMs = nowMs
  process.deadlineMs = deadlineMs
}

export function newPost(
  { name, isUnfrozen }: Pick<BackgroundPost, 'name' | 'isUnfrozen'>,
  { config, random }: Pick<Fleet, 'config' | 'random'>,
): BackgroundPost {
  return {
    name,
    isUnfrozen,
    processes: new Set(),
    generation: undefined,
    budget: new CrashBudget(config.crash, random),
    spawnAfterMs: 0,
    lastCrashMs: -Infinity,
    hasCrashed: false,
    hasWorked: false,
    trialUntilMs: 0,
    trialEndMs: 0,
    restarts: 0,
  }
}

export function findBackground(fleet: Fleet, pid: number): BackgroundProcess | undefined {
  for (const { processes } of fleet.background)
    for (const process of processes) if (process.pid === pid) return process
  return undefined
}

export function postOf({ background }: Fleet, { name }: BackgroundProcess): BackgroundPost {
  return background.find((post) => post.name === name)!
}

/** It was not told to leave. */
export function isBackgroundStaff({ state }: BackgroundProcess): boolean {
  return state !== 'leaving' && state !== 'terminating' && state !== 'killed'
}

/** It was told to begin, and not to leave. */
export function isAtWork({ state }: BackgroundProcess): boolean {
  return state === 'beginning' || state === 'working'
}

export function workingProcess({ processes }: BackgroundPost): BackgroundProcess | undefined {
  for (const process of processes) if (process.state === 'working') return process
  return undefined
}

/** The system refused to start a process: it is asked again after a pause. */
export function onSpawnRefused(fleet: Fleet, post: BackgroundPost): void {
  post.lastCrashMs = fleet.nowMs
  post.hasCrashed = true
  post.spawnAfterMs = fleet.nowMs + Math.max(fleet.config.crash.backoffBaseMs, post.budget.crash(fleet.nowMs))
}

/** What works in the background may begin. */
export function mayWork({ activates, backgroundIsFree, state }: Fleet): boolean {
  return activates && backgroundIsFree && state !== 'stopping' && state !== 'stopped'
}

/** Whether the rollout's code may be switched to: all of it is prepared, and works already where nothing has to end before. */
export function isBackgroundReady(fleet: Fleet, generation: Generation): boolean {
  const begins = fleet.serving === undefined && mayWork(fleet)
  return fleet.background.every(({ processes }) =>
    [...processes].some(
      (process) =>
        process.generation === generation &&
        (begins ? process.state === 'working' : process.state === 'prepared' || isAtWork(process)),
    ),
  )
}

/** A fresh process is to take the place of each, or of those of one name. */
export function markBackground(fleet: Fleet, reason: RecycleReason, name?: string): void {
  for (const post of fleet.background) {
    if (name !== undefined && post.name !== name) continue
    for (const process of post.processes) if (isBackgroundStaff(process)) process.outdated = reason
  }
}

/** Those that were marked and have not been told to leave stay. */
export function unmarkBackground({ background }: Fleet, reason: RecycleReason): void {
  for (const { processes } of background)
    for (const process of processes)
      if (process.outdated === reason && isBackgroundStaff(process)) process.outdated = undefined
}

export function isBackgroundMarked({ background }: Fleet, reason: RecycleReason): boolean {
  return background.some(({ processes }) => [...processes].some(({ outdated }) => outdated === reason))
}
