import { join } from 'node:path'
import {
  BootWrites,
  type Builder,
  type ContentTree,
  createManager,
  createOomWatch,
  type ListenSocket,
  type Manager,
  notifySystemd,
  type OomWatch,
  openRunDir,
  type RunDir,
  stateFolders,
  type SystemdNotifier,
  type Tenants,
} from '@rip/manager'
import { proveStartedBackground } from '../application/background-location.ts'
import { forChildren } from '../application/child-environment.ts'
import { noBuilder } from '../builder/no-builder.ts'
import { SnapshotBuilder } from '../builder/snapshot-builder.ts'
import type { CertificateWatch } from '../front/certificate-watch.ts'
import { type Front, frontBeside, openFront } from '../front/front.ts'
import { noFront } from '../front/no-front.ts'
import { instanceIdentity, instanceName } from '../instance/identity.ts'
import { LIVE_SCRIPT } from '../live/live-server.ts'
import type { Ops } from '../ops/open-ops.ts'
import { ChildOutput } from '../output/child-output.ts'
import { LOG_NAME, LogFile } from '../output/log-file.ts'
import { proveFiles } from '../settings/prove-files.ts'
import type { Settings } from '../settings/settings.ts'
import { contentTreeOf, modulesOf } from './content-of.ts'
import { followProcesses } from './follow-processes.ts'
import { isWarm } from './is-warm.ts'
import { LiveConfiguration } from './live-configuration.ts'
import { managerOptions } from './manager-options.ts'
import { openOutlets, type ServerCommands } from './outlets.ts'
import { runtimeFlags } from './process-commands.ts'
import { passedSockets } from './passed-sockets.ts'
import { accessLine, openSpawner } from './process-output.ts'
import { RequestLines } from './request-lines.ts'
import type { ServerPlan } from './server-plan.ts'
import { applicationEnv, ownersOf } from './tenant-plan.ts'

/** What a server consists of. */
export interface ServerParts {
  readonly plan: ServerPlan
  readonly manager: Manager
  readonly runDir: RunDir
  readonly front: Front
  readonly ops: Ops | undefined
  readonly certificates: CertificateWatch
  readonly configuration: LiveConfiguration
  readonly requestLines: RequestLines
  readonly log: LogFile
  readonly systemd: SystemdNotifier | undefined
  /** Makes this the running instance for other processes. */
  readonly publish: () => void
}

/** Opens every part and connects them; starts no process of the application. @param owned gets what has to be closed */
export async function openParts(
  plan: ServerPlan,
  owned: AsyncDisposableStack,
  commands: ServerCommands,
): Promise<ServerParts> {
  const { settings, root, inherited, tenants } = plan
  let opened: Manager | undefined
  const warn = (message: string): void => (opened ?? plan).warn(message)
  const succeeds = inherited !== undefined
  const env = forChildren(plan.env)
  const identity = instanceIdentity(settings, root)
  const name = instanceName(settings, root)
  const owners = tenants && ownersOf(tenants, plan)
  const runDir = owned.use(
    await openRunDir({ ...identity, env, succeeds, onWarning: warn, ...(owners && { tenants: owners }) }),
  )
  const log = owned.use(new LogFile(join(runDir.path, LOG_NAME), warn, succeeds))
  const requestLines = new RequestLines(plan.logFormat)
  const configuration = configurationOf(plan, () => front.configure())
  const output = new ChildOutput({
    accessLine: (line) => plan.data(requestLines.shown(accessLine(line, plan), configuration.current)),
    warn: plan.warn,
  })
  const oom = createOomWatch()
  const spawner = owned.use(openSpawner(plan, { output, log, oom }))
  const passed = passedSockets(plan)
  const live = isLive(plan) ? { socket: runDir.socketPath(0, 0) } : undefined
  const front = await frontOf(plan, {
    owned,
    runDir,
    owners,
    env,
    passed: passed.forClients,
    settings: () => requestLines.applied(configuration.current),
    liveSocket: live?.socket,
  })
  const states = stateFolders(identity, env)
  const snapshots = join(runDir.path, succeeds ? `snapshots-${process.pid}` : 'snapshots')
  const notContent = [runDir.path, ...states]
  const tree = contentTreeOf(plan, notContent)
  const bootWrites = new BootWrites()
  const manager = (opened = createManager(
    managerOptions(plan, {
      name,
      runDir,
      tenants: owners,
      spawner,
      tree,
      bootWrites,
      builder: builderOf(plan, { owned, owners, tree, notContent, snapshots, oom }),
      configuration,
      front,
      snapshots,
      stateFolders: states,
    }),
  ))
  configuration.follow(manager)
  if (live !== undefined) {
    const { openLive } = await import('../live/live.ts')
    owned.use(openLive({ ...live, manager, root, editor: env['RIP_EDITOR'] }))
  }
  followProcesses(manager, { output, bootWrites })
  const systemd = plan.isProgram ? notifySystemd(manager, { env: plan.env }) : undefined
  owned.defer(() => systemd?.[Symbol.dispose]())
  const { ops, certificates } = await openOutlets(plan, {
    owned,
    runDir,
    manager,
    front,
    configuration,
    tree,
    opsSocket: passed.forOps,
    commands,
  })
  const url = front.url === undefined ? {} : { url: front.url }
  const publish = (): void => runDir.publish({ name, root, startedAtMs: Date.now(), ...url })
  return {
    plan,
    manager,
    runDir,
    front,
    ops,
    certificates,
    configuration,
    requestLines,
    log,
    systemd,
    publish,
  }
}

/** Whether pages are kept up to date. Where the balancer is another user's process, it does not reach this one. */
function isLive({ mode, listen, tenants }: ServerPlan): boolean {
  return mode === 'development' && listen !== undefined && tenants === undefined
}

function configurationOf(plan: ServerPlan, configureFront: () => Promise<void>): LiveConfiguration {
  const { root, mode, settings, rereading, warn } = plan
  return new LiveConfiguration({
    root,
    mode,
    started: { settings, files: rereading?.files ?? [] },
    read: rereading?.read ?? (async () => ({ settings, files: [] })),
    configureFront,
    prove: () => {
      proveFiles(root)
      proveStartedBackground(settings.background)
      plan.childEnv()
    },
    warn,
  })
}

interface FrontParts {
  readonly owned: AsyncDisposableStack
  readonly runDir: RunDir
  readonly owners: Tenants | undefined
  readonly env: Readonly<Record<string, string>>
  /** Listening sockets from systemd. */
  readonly passed: readonly ListenSocket[]
  /** The settings in force. */
  readonly settings: () => Settings
  /** Where pages ask in development for what is new; absent where they do not. */
  readonly liveSocket: string | undefined
}

async function frontOf(plan: ServerPlan, parts: FrontParts): Promise<Front> {
  const { entry, listen, mode, inherited, note, warn } = plan
  const { runDir, owned, owners, env, passed, settings, liveSocket } = parts
  if (entry === undefined) return noFront(inherited)
  const beside = { runDir, owned, note, warn, inherited }
  if (listen === undefined) return frontBeside(beside)
  const pageScript =
    liveSocket === undefined ? undefined : { path: LIVE_SCRIPT, backend: `unix:${liveSocket}` }
  return await openFront({
    ...beside,
    listen,
    passed,
    settings,
    mode,
    env,
    account: owners?.router,
    ...(pageScript && { pageScript }),
  })
}

interface BuilderParts {
  readonly owned: AsyncDisposableStack
  readonly owners: Tenants | undefined
  readonly tree: ContentTree
  /** Folders of the server itself. */
  readonly notContent: readonly string[]
  readonly snapshots: string
  readonly oom: OomWatch
}

function builderOf(plan: ServerPlan, parts: BuilderParts): Builder {
  const { owned, owners, tree, notContent, snapshots, oom } = parts
  const { root, settings, command, warn } = plan
  const entries = modulesOf(plan)
  if (entries.length === 0) return noBuilder
  const isUnfrozen = command !== undefined
  return owned.use(
    new SnapshotBuilder({
      root,
      entries,
      // Where programs run that are no modules, any file may be code, and what served cannot be had again.
      isUnfrozen,
      anyChangeCounts: isUnfrozen || settings.background.some((each) => 'command' in each),
      tree,
      notContent,
      folder: snapshots,
      env: () => applicationEnv(plan),
      runtimeFlags: runtimeFlags(plan),
      account: owners?.workers,
      oom,
      standby: isWarm(plan),
      warn,
    }),
  )
}
