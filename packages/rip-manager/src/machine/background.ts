import type { BootFailure, WorkerMessage } from '@rip/worker/protocol'
import { HARDLY_GROWN_MS } from '../contract/defaults.ts'
import {
  enterBackground,
  isAtWork,
  isBackgroundStaff,
  mayWork,
  onSpawnRefused,
  postOf,
  workingProcess,
} from './background-post.ts'
import { beginTrial, shortenTrial } from './background-trial.ts'
import type { Generation } from './generation.ts'
import { refuse } from './rollout-end.ts'
import type { BackgroundPost, BackgroundProcess, Fleet } from './state.ts'
import { drainDeadline } from './worker.ts'
import { messageOf } from '../contract/message-of.ts'

/**
 * Keeps one process of each background program at work, with the code that serves. A process of other code is prepared
 * beside it, and begins when every process that has begun before it has gone: what exists once never runs twice.
 */
export function keepBackground(fleet: Fleet): void {
  for (const post of fleet.background) {
    adopt(fleet, post)
    for (const process of post.processes) timeOut(fleet, process)
    for (const process of post.processes) if (!isWanted(fleet, post, process)) tellToLeave(fleet, process)
    for (const generation of wantedGenerations(fleet)) prepare(fleet, post, generation)
    for (const process of post.processes) if (mayBegin(fleet, post, process)) begin(fleet, process)
    recover(fleet, post)
  }
}

/** Ends the time in which processes of an earlier manager may still work. */
export function freeBackground(fleet: Fleet): void {
  fleet.backgroundIsFree = true
}

/** Ends every process without waiting. */
export function killBackground(fleet: Fleet): void {
  for (const { processes } of fleet.background)
    for (const process of processes) {
      process.ending ??= { kind: 'killed', reason: 'stop' }
      kill(fleet, process)
    }
}

export function hasBackground({ background }: Fleet): boolean {
  return background.some(({ processes }) => processes.size > 0)
}

/** A generation that serves anew starts with a clean record. */
function adopt(fleet: Fleet, post: BackgroundPost): void {
  const generation = fleet.serving?.generation
  if (generation === undefined || post.generation === generation) return
  const isFirst = post.generation === undefined
  post.generation = generation
  post.budget.recover()
  post.spawnAfterMs = 0
  post.hasCrashed = false
  post.hasWorked = workingProcess(post)?.generation === generation
  beginTrial(fleet, post, isFirst)
}

/** What serves, and what is about to. */
function wantedGenerations({ serving, rollout, state }: Fleet): readonly Generation[] {
  if (state === 'stopping' || state === 'stopped') return []
  const next = rollout !== undefined && PROVEN.has(rollout.state) ? rollout.group?.generation : undefined
  return [serving?.generation, next].filter(
    (generation, index, all) => generation !== undefined && all.indexOf(generation) === index,
  ) as Generation[]
}

const PROVEN: ReadonlySet<string> = new Set(['filling', 'confirming', 'routing'])

function isWanted(fleet: Fleet, post: BackgroundPost, process: BackgroundProcess): boolean {
  if (!wantedGenerations(fleet).includes(process.generation)) return false
  return process.outdated === undefined || !isReplaceable(post, process)
}

/** Its successor is prepared, so that it can leave. */
function isReplaceable(post: BackgroundPost, process: BackgroundProcess): boolean {
  if (!isAtWork(process)) return true
  return [...post.processes].some(
    (other) =>
      other.state === 'prepared' && other.outdated === undefined && other.generation === process.generation,
  )
}

function prepare(fleet: Fleet, post: BackgroundPost, generation: Generation): void {
  const own = [...post.processes].filter((process) => process.generation === generation)
  if (own.some((process) => isThere(process))) return
  const isNext = generation !== fleet.serving?.generation
  if (!isNext && (fleet.nowMs < post.spawnAfterMs || isGivenUp(fleet))) return
  try {
    launch(fleet, post, generation)
  } catch (error) {
    if (isNext) return refuse(fleet, 'boot-failed', { message: messageOf(error), byChance: true })
    onSpawnRefused(fleet, post)
    fleet.effects.emit({ type: 'warning', message: messageOf(error) })
  }
}

/** It fills the place, or has failed and its end will say when the next one may start. */
function isThere(process: BackgroundProcess): boolean {
  if (isBackgroundStaff(process)) return process.outdated === undefined
  return process.ending?.kind !== 'drained' && process.ending?.kind !== 'recycled'
}

/** What serves was found wanting, and is about to be left. */
function isGivenUp({ rollout, serving }: Fleet): boolean {
  return serving !== undefined && rollout !== undefined && rollout.kind !== 'reload' && rollout.unasked
}

/** @throws Error when the system refuses */
function launch(fleet: Fleet, post: BackgroundPost, generation: Generation): void {
  const { effects, nowMs, config } = fleet
  const { name } = post
  const { id, snapshot, surroundings } = generation
  const pid = effects.spawnBackground({ name, generation: id, snapshot, surroundings })
  post.processes.add({
    name,
    pid,
    generation,
    startedMs: nowMs,
    state: 'preparing',
    stateSinceMs: nowMs,
    deadlineMs: nowMs + config.bootTimeoutMs,
    hasBegun: false,
    workingMs: undefined,
    vitals: { rssBytes: 0, loopLagMs: 0, published: 0, delivered: 0, dropped: 0 },
    ending: undefined,
    outdated: undefined,
  })
  effects.emit({ type: 'background-started', name, pid, generation: id })
}

/** Its code serves, or is the first to, and every process that has begun before it has gone. */
export function mayBegin(fleet: Fleet, { processes }: BackgroundPost, process: BackgroundProcess): boolean {
  if (process.state !== 'prepared' || !mayWork(fleet)) return false
  const { serving, rollout } = fleet
  if (process.generation !== (serving?.generation ?? rollout?.group?.generation)) return false
  if (isGivenUp(fleet)) return false
  return [...processes].every((other) => other === process || !other.hasBegun)
}

function begin(fleet: Fleet, process: BackgroundProcess): void {
  enterBackground(fleet, process, 'beginning', fleet.nowMs + fleet.config.bootTimeoutMs)
  process.hasBegun = true
  fleet.effects.send(process.pid, { type: 'resume' })
}

function tellToLeave(fleet: Fleet, process: BackgroundProcess): void {
  if (!isBackgroundStaff(process)) return
  const { outdated } = process
  process.ending ??= outdated === undefined ? { kind: 'drained' } : { kind: 'recycled', reason: outdated }
  if (!process.hasBegun) return terminateBackground(fleet, process)
  const untilMs = Math.max(drainDeadline(fleet), fleet.nowMs + fleet.config.killGraceMs)
  enterBackground(fleet, process, 'leaving', untilMs)
  fleet.effects.send(process.pid, { type: 'drain', deadlineMs: untilMs - fleet.nowMs })
}

/** Asks the process to leave, by TERM too as it may not hear messages any more; KILL follows when the grace is over. */
function terminateBackground(fleet: Fleet, process: BackgroundProcess): void {
  if (process.state === 'terminating' || process.state === 'killed') return
  const { killGraceMs } = fleet.config
  enterBackground(fleet, process, 'terminating', fleet.nowMs + killGraceMs)
  fleet.effects.send(process.pid, { type: 'drain', deadlineMs: killGraceMs })
  fleet.effects.signal(process.pid, 'SIGTERM')
}

function kill(fleet: Fleet, process: BackgroundProcess): void {
  if (process.state === 'killed') return
  enterBackground(fleet, process, 'killed')
  fleet.effects.signal(process.pid, 'SIGKILL')
}

/** Ends what has lasted too long. A working process may block its event loop, because no client waits for it. */
function timeOut(fleet: Fleet, process: BackgroundProcess): void {
  // A stop that was asked for leaves less time.
  if (process.state === 'leaving') process.deadlineMs = Math.min(process.deadlineMs, latestEnd(fleet))
  if (fleet.nowMs < process.deadlineMs) return
  if (process.state === 'terminating') return kill(fleet, process)
  if (process.ending === undefined)
    process.ending = { kind: 'boot-timeout', afterMs: fleet.config.bootTimeoutMs }
  terminateBackground(fleet, process)
}

function latestEnd({ stop, nowMs, config }: Fleet): number {
  return Math.max(stop.byMs, nowMs + config.killGraceMs)
}

function recover({ nowMs, config }: Fleet, post: BackgroundPost): void {
  const { workingMs } = workingProcess(post) ?? {}
  if (workingMs !== undefined && nowMs - Math.max(workingMs, post.lastCrashMs) >= config.crash.stableMs)
    post.budget.recover()
}

/** A background process spoke. */
export function onBackgroundMessage(fleet: Fleet, process: BackgroundProcess, message: WorkerMessage): void {
  switch (message.type) {
    case 'hello':
      return onHello(fleet, process)
    case 'ready':
      if (process.state === 'preparing') enterBackground(fleet, process, 'prepared')
      return
    case 'begun':
      return onBegun(fleet, process)
    case 'failed':
      return onFailed(fleet, process, message.failure)
    case 'leaving':
      return onLeaving(fleet, process)
    case 'beacon': {
      const { rssBytes, loopLagMs, published, delivered, dropped } = message
      process.vitals = { rssBytes, loopLagMs, published, delivered, dropped }
      if (message.freeDescriptors === 0) onExhausted(fleet, process)
      return
    }
    case 'listening':
    case 'stands-by':
    case 'drained':
      return
  }
}

/** One that can open nothing more does no work. A fresh one that ends up like it is left alone for some time. */
function onExhausted({ nowMs }: Fleet, process: BackgroundProcess): void {
  const { state, workingMs = nowMs } = process
  if (state === 'working' && nowMs - workingMs >= HARDLY_GROWN_MS) process.outdated ??= 'descriptors'
}

/** One that has been told to end meanwhile, by an order and a signal that came too early for it, is told again. */
function onHello(fleet: Fleet, { pid, state, deadlineMs }: BackgroundProcess): void {
  fleet.effects.send(pid, { type: 'welcome', version: 1, beaconMs: fleet.config.beaconMs, standby: true })
  if (state === 'terminating')
    fleet.effects.send(pid, { type: 'drain', deadlineMs: Math.max(0, deadlineMs - fleet.nowMs) })
}

function onBegun(fleet: Fleet, process: BackgroundProcess): void {
  if (process.state !== 'beginning') return
  const { name, pid, generation } = process
  const post = postOf(fleet, process)
  enterBackground(fleet, process, 'working')
  process.workingMs = fleet.nowMs
  post.hasCrashed = false
  fleet.effects.emit({ type: 'background-working', name, pid, generation: generation.id })
  if (generation !== fleet.serving?.generation || post.hasWorked) return
  post.hasWorked = true
  shortenTrial(fleet, post)
}

function onFailed(fleet: Fleet, process: BackgroundProcess, failure: BootFailure): void {
  if (!isBackgroundStaff(process)) return
  process.ending = { kind: 'boot-failed', failure }
  terminateBackground(fleet, process)
}

/** It was sent TERM from outside, and ends by itself. */
function onLeaving(fleet: Fleet, process: BackgroundProcess): void {
  if (!isBackgroundStaff(process)) return
  process.ending = { kind: 'recycled', reason: 'signal' }
  if (process.hasBegun) enterBackground(fleet, process, 'leaving', drainDeadline(fleet))
  else terminateBackground(fleet, process)
}
