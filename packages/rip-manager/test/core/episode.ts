import { expect } from 'bun:test'
import { type ContentKind, Sim, simSettings } from './sim.ts'

/** Room for two generations of two workers, and not for three. */
const SCARCE_ROOM = 4.4

const LAST_STEPS = 15

/** Plays a manager's life of that many steps, all chosen by the seed. */
export function playEpisode(seed: number, steps: number): void {
  const room = seed % 3 === 0 ? SCARCE_ROOM : Infinity
  const sim = new Sim(mulberry32(seed), 1 + (seed % 4), room, undefined, seed % 5)
  sim.command({ type: 'start' })
  for (let step = 0; step < steps; step += 1) act(sim)
  comeToRest(sim)
  if (sim.random() < 0.5) {
    stop(sim)
    startAgain(sim, seed)
    return
  }
  // It is killed in the middle of whatever goes on; its successor is stopped.
  for (let step = 0; step < LAST_STEPS; step += 1) act(sim)
  stop(startAgain(sim, seed))
}

/** Plays one step. */
function act(sim: Sim): void {
  if (sim.programs.length > 0 && sim.random() < 0.25) return actInBackground(sim)
  const chance = sim.random()
  if (chance < 0.35) return sim.answer()
  if (chance < 0.5) return sim.pass(Math.floor(sim.random() * 300))
  if (chance < 0.7) return sim.boot(sim.some('booting'))
  if (chance < 0.72) return sim.pass(Math.floor(sim.random() * 6_000))
  if (chance < 0.73) return sim.suspend(60_000)
  if (chance < 0.76) return sim.exit(sim.some('serving')?.pid, { code: 1 })
  if (chance < 0.77) return sim.exit(sim.some('booting')?.pid, { signal: 'SIGSEGV' })
  if (chance < 0.78) return sim.exit(sim.some('draining')?.pid, { code: 1 })
  if (chance < 0.79) return sim.freeze(sim.some(sim.random() < 0.5 ? 'serving' : 'booting'))
  if (chance < 0.808) return sim.serve(sim.some('serving'))
  if (chance < 0.81) return sim.exhaust(sim.some('serving'))
  if (chance < 0.82) return sim.leave(sim.some('serving'))
  if (chance < 0.865) return editAndWake(sim)
  if (chance < 0.87) return putBackAndWake(sim)
  if (chance < 0.885)
    return sim.command({ type: 'reload', force: sim.random() < 0.2, wait: sim.random() < 0.5 })
  if (chance < 0.89) return configure(sim)
  if (chance < 0.91) return sim.command({ type: 'restart' })
  if (chance < 0.925) return sim.command({ type: 'rollback', force: sim.random() < 0.2 })
  if (chance < 0.945) return sim.command({ type: 'scale', workers: 1 + Math.floor(sim.random() * 4) })
  if (chance < 0.95) return sim.cancel()
  if (chance < 0.96) return sim.input({ type: 'hold' })
  if (chance < 0.975) return sim.input({ type: 'resume' })
  if (chance < 0.98) return sim.loseRouter()
  if (chance < 0.982) return sim.loseSockets()
  if (chance < 0.993) return sim.regainRouter()
  sim.spawnFails = chance < 0.996
}

function actInBackground(sim: Sim): void {
  const chance = sim.random()
  if (chance < 0.7) return sim.advance(sim.someBackground('preparing', 'beginning'))
  if (chance < 0.8) return sim.exitBackground(sim.someBackground('working'), { code: 1 })
  if (chance < 0.83)
    return sim.exitBackground(sim.someBackground('working', 'beginning'), { signal: 'SIGKILL' })
  if (chance < 0.86)
    return sim.exitBackground(sim.someBackground('preparing', 'prepared'), { signal: 'SIGSEGV' })
  if (chance < 0.88) return freezeBackground(sim)
  if (chance < 0.9) return leaveInBackground(sim)
  if (chance < 0.93) return sim.command({ type: 'restart', background: sim.programs[0]! })
  if (chance < 0.94) return sim.exhaust(sim.someBackground('working'))
  sim.exitBackground(sim.someBackground('leaving'), { code: 1 })
}

function freezeBackground(sim: Sim): void {
  const process = sim.someBackground('preparing', 'prepared', 'beginning', 'working')
  if (process !== undefined) process.state = 'frozen'
}

/** It was sent TERM by somebody else. */
function leaveInBackground(sim: Sim): void {
  const process = sim.someBackground('working', 'prepared')
  if (process !== undefined) sim.say(process.pid, { type: 'leaving', reason: 'signal', inFlight: 0 })
}

const webKinds: readonly ContentKind[] = [
  'good',
  'good',
  'does not compile',
  'does not boot',
  'is not verified',
]
const kinds: readonly ContentKind[] = [
  ...webKinds,
  'does not begin in the background',
  'keeps ending in the background',
]

function editAndWake(sim: Sim): void {
  const possible = sim.programs.length > 0 ? kinds : webKinds
  sim.edit(possible[Math.floor(sim.random() * possible.length)] ?? 'good')
  sim.wake()
}

function putBackAndWake(sim: Sim): void {
  sim.putBack()
  sim.wake()
}

/** Changes settings: whether a release is observed, and whether workers are replaced. */
function configure(sim: Sim): void {
  const { config } = sim.machine.fleet
  const observe = sim.random() < 0.5 ? undefined : simSettings.observe
  const requests = sim.random() < 0.5 ? 0 : simSettings.recycle.requests
  sim.input({ type: 'configure', config: { ...config, observe, recycle: { ...config.recycle, requests } } })
}

/** No further faults: good content must be served by the wanted number of workers. */
function comeToRest(sim: Sim): void {
  sim.calm = true
  sim.spawnFails = false
  sim.regainRouter()
  sim.edit('good')
  sim.input({ type: 'resume' })
  sim.input({ type: 'wake' })
  settle(sim, 150_000)
  const { fleet } = sim.machine
  expect({
    generation: fleet.serving?.generation.id,
    ready: sim.rotation.size,
    alive: sim.processes.size,
    active: sim.active,
    working: sim.working,
    inBackground: sim.background.size,
    health: fleet.health,
    open: sim.openCommands,
    rollout: fleet.rollout,
    reloading: sim.reloading,
    groups: fleet.groups.size,
    // The serving generation, and two that a rollback can return to.
    leftovers: [...fleet.routing.published.keys()].filter((id) => !isKept(sim, id)),
  }).toEqual({
    generation: sim.generation,
    ready: fleet.wanted,
    alive: fleet.wanted,
    active: fleet.wanted,
    working: sim.programs.length,
    inBackground: sim.programs.length,
    health: 'ok',
    open: 0,
    rollout: undefined,
    reloading: false,
    groups: 1,
    leftovers: [],
  })
  sim.calm = false
}

function isKept({ machine }: Sim, id: string): boolean {
  const { serving, previous, earlier } = machine.fleet
  return [serving?.generation.id, previous?.id, earlier?.id].includes(id)
}

/** Stops at any point, before and during the delay. */
function stop(sim: Sim): void {
  for (let step = 0; step < LAST_STEPS; step += 1) act(sim)
  sim.input({ type: 'stop', now: sim.random() < 0.3, delay: sim.random() < 0.5 })
  for (let step = 0; step < LAST_STEPS; step += 1) act(sim)
  settle(sim, 20_000)
  expect(sim.hasStopped).toBe(true)
  expect(sim.processes.size).toBe(0)
  expect(sim.background.size).toBe(0)
  expect(sim.openCommands).toBe(0)
}

/** Starts again on the same folders: condemned content is replaced by the last good one, if there is a copy. */
function startAgain(before: Sim, seed: number): Sim {
  if (before.random() < 0.3) before.putBack()
  const sim = new Sim(mulberry32(seed + 1), 1 + (seed % 4), Infinity, before, before.programs.length)
  const { condemned, good } = sim.findings
  const isCondemned = condemned.some(({ generation }) => generation === sim.generation)
  sim.calm = true
  sim.command({ type: 'start' })
  settle(sim, 20_000)
  const { fleet } = sim.machine
  if (isCondemned) expect(fleet.serving?.generation.id).toBe(good?.generation ?? sim.generation)
  else if (fleet.serving !== undefined) expect(fleet.serving.generation.id).toBe(sim.generation)
  if (sim.disk.kinds.get(fleet.serving?.generation.id ?? '') === 'good')
    expect(sim.working).toBe(sim.programs.length)
  expect(sim.openCommands).toBe(0)
  sim.calm = false
  return sim
}

function settle(sim: Sim, forMs: number): void {
  const untilMs = sim.nowMs + forMs
  while (sim.nowMs < untilMs) {
    for (let turn = 0; turn < 1_000 && !isQuiet(sim); turn += 1) {
      sim.boot(sim.some('booting'))
      sim.advance(sim.someBackground('preparing', 'beginning'))
      sim.answer()
    }
    sim.pass(500)
  }
}

function isQuiet(sim: Sim): boolean {
  return (
    sim.idle &&
    sim.some('booting') === undefined &&
    sim.someBackground('preparing', 'beginning') === undefined
  )
}

/** A small generator of pseudo-random numbers with a 32-bit state (Tommy Ettinger, public domain). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
