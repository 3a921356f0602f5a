import type { Random } from '../contract/ports.ts'
import type { Findings } from '../contract/verdict.ts'
import { newPost } from './background-post.ts'
import { Counters } from './counters.ts'
import type { Effects } from './effects.ts'
import type { MachineConfig } from './machine-config.ts'
import { Reading } from './reading.ts'
import { Refusals } from './refusals.ts'
import { Routing } from './routing.ts'
import type { BackgroundPost, Fleet } from './state.ts'
import { Staying } from './staying.ts'
import { Stop } from './stop.ts'
import { Tokens } from './tokens.ts'
import { Verdicts } from './verdicts.ts'

export interface FleetOptions {
  readonly config: MachineConfig
  readonly effects: Effects
  readonly random: Random
  readonly workers: number
  readonly watching: boolean
  /** Workers may become active before the input `activate`. @default true */
  readonly activates?: boolean
  /** The programs that work in the background. @default none */
  readonly background?: readonly Pick<BackgroundPost, 'name' | 'isUnfrozen'>[]
  /** They may begin before the input `background-free`. @default true */
  readonly backgroundIsFree?: boolean
  /** What was found out before. @default nothing, and nothing outlasts this process */
  readonly findings?: Findings | undefined
  readonly nowMs: number
}

/** A fleet for which nothing has been done yet. */
export function newFleet({
  config,
  effects,
  random,
  workers,
  watching,
  activates = true,
  background = [],
  backgroundIsFree = true,
  findings,
  nowMs,
}: FleetOptions): Fleet {
  const tokens = new Tokens()
  return {
    effects,
    random,
    tokens,
    watching,
    startedMs: nowMs,
    nowMs,
    config,
    state: 'idle',
    workers: new Map(),
    incarnations: new Map(),
    groups: new Set(),
    background: background.map((program) => newPost(program, { config, random })),
    backgroundIsFree,
    serving: undefined,
    previous: undefined,
    earlier: undefined,
    rollout: undefined,
    reading: new Reading(effects, tokens),
    routing: new Routing(),
    refusals: new Refusals(),
    verdicts: new Verdicts({ effects, tokens, findings }),
    staying: new Staying(),
    announced: false,
    observation: undefined,
    wanted: workers,
    scaling: [],
    held: false,
    rollbackAfterCut: undefined,
    restart: undefined,
    activates,
    recycleAfterMs: 0,
    descriptorsToldFor: undefined,
    memoryLimitToldFor: undefined,
    memoryBudget: { checkMs: 0, samples: 0, pauseMs: 0, told: false },
    restoring: undefined,
    socketsCheckMs: 0,
    health: 'starting',
    counters: new Counters(),
    stop: new Stop(),
  }
}
