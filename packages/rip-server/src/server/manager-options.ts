import {
  type BootWrites,
  type Builder,
  type ContentTree,
  createBackgroundLedger,
  createChangeDetector,
  createWorkerLinks,
  type ManagerOptions,
  type RunDir,
  type Spawner,
  type Tenants,
} from '@rip/manager'
import type { Front } from '../front/front.ts'
import { VerdictFolder } from '../instance/verdict-folder.ts'
import { routerHandedOn, verifierHandedOn } from './handed-on-sockets.ts'
import { type LiveConfiguration, liveOptions } from './live-configuration.ts'
import { backgroundProgram, workerCommand } from './process-commands.ts'
import type { ServerPlan } from './server-plan.ts'
import { settingsVerifier } from './settings-verifier.ts'
import { applicationEnv } from './tenant-plan.ts'

/**
 * Most old generations that are kept in development for streams that never end; browsers then connect again, to the one that
 * serves.
 */
const DEV_MAX_RETIRING = 2

/** In development, a developer waits for the reload; in production, a half-written file must not be read. */
const DEV_LEADING_MS = 1

/** What a manager works with, beside the plan. */
export interface ManagerParts {
  readonly name: string
  readonly runDir: RunDir
  readonly tenants: Tenants | undefined
  readonly spawner: Spawner
  readonly tree: ContentTree
  readonly bootWrites: BootWrites
  readonly builder: Builder
  readonly configuration: LiveConfiguration
  readonly front: Front
  /** Folder of the snapshots. */
  readonly snapshots: string
  /** Folders for what outlives the instance, the preferred one first. */
  readonly stateFolders: readonly string[]
}

/** The manager's options for a plan. */
export function managerOptions(plan: ServerPlan, parts: ManagerParts): ManagerOptions {
  const { settings, mode, root, entry, inherited } = plan
  const { runDir, front, tenants } = parts
  return {
    root,
    name: parts.name,
    command: { argv: workerCommand(plan), explainsOnStdout: plan.command !== undefined },
    workers: entry === undefined ? 0 : inherited?.workers || settings.workers,
    background: settings.background.map((each) => backgroundProgram(each, plan)),
    backgroundLedger: createBackgroundLedger({ runDir: runDir.path, note: plan.note }),
    standsBy: inherited !== undefined || plan.standsBy === true,
    ...liveOptions(settings),
    mode,
    ...(tenants && { account: tenants.workers }),
    cutAfter: mode === 'development' ? 'first' : 'all',
    ...(mode === 'development' && { maxRetiring: DEV_MAX_RETIRING }),
    env: () => processEnv(plan, front),
    spawner: parts.spawner,
    watcher: plan.watch ? watcherOf(plan, parts) : undefined,
    tree: parts.tree,
    builder: parts.configuration.builder(parts.builder),
    links: createWorkerLinks(runDir.linksPath, {
      onWarning: plan.warn,
      ...(tenants && { account: tenants.workers }),
    }),
    bus: { place: () => runDir.busPlace(), left: (pid) => runDir.leftBus(pid) },
    verifier: verifierHandedOn(settingsVerifier(parts.configuration), runDir),
    socketPath: (slot, incarnation) => runDir.socketPath(slot, incarnation),
    hasSocket: (path) => runDir.hasSocket(path),
    socketLeft: (path) => runDir.dropSocket(path),
    verdicts: verdictsOf(plan, parts),
    router: routerHandedOn(front.router, runDir, plan.warn),
    ...(front.observer && {
      observe: { observer: front.observer, windowMs: settings.rollbackWindowMs ?? 0 },
    }),
    services: front.services,
    stopAccepting: front.stopAccepting,
  }
}

function processEnv(plan: ServerPlan, { url }: Front): Readonly<Record<string, string>> {
  return {
    ...applicationEnv(plan),
    ...(url !== undefined && { RIP_PUBLIC_URL: url }),
    ...(plan.static.length > 0 && { RIP_STATIC: JSON.stringify(plan.static) }),
  }
}

function watcherOf(
  { mode, warn }: ServerPlan,
  { tree, bootWrites }: ManagerParts,
): ManagerOptions['watcher'] {
  const leading = mode === 'development' && { leadingMs: DEV_LEADING_MS }
  return createChangeDetector({ tree, bootWrites, onWarning: warn, ...leading })
}

/**
 * Not in development, where code changes all the time, and not for a server within a program, which leaves nothing
 * behind.
 */
function verdictsOf(
  { isProgram, mode }: ServerPlan,
  { stateFolders, snapshots, tenants }: ManagerParts,
): VerdictFolder | undefined {
  if (!isProgram || mode !== 'production') return undefined
  return new VerdictFolder({ candidates: stateFolders, snapshots, account: tenants?.workers })
}
