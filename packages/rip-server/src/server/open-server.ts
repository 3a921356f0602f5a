import { isAbsolute, join, relative } from 'node:path'
import {
  activatedListenSockets,
  type BackgroundProgram,
  type Backend,
  type ChildLine,
  type ContentTree,
  BootWrites,
  createBackgroundLedger,
  createChangeDetector,
  createContentTree,
  createManager,
  createSpawner,
  createVerifier,
  createWorkerLinks,
  type HandOverResult,
  type ListenAddress,
  type ListenSocket,
  type Manager,
  formatListenAddress,
  ManagerError,
  ManagerMetrics,
  type Refusal,
  type ReloadResult,
  type ManagerOptions,
  type ManagerStatus,
  notifySystemd,
  openControlServer,
  openRunDir,
  plainLossLine,
  type ReloadOptions,
  type RunDir,
  type StopOptions,
  type DrainReport,
  type SystemdNotifier,
  type Tenants,
  type Router,
  type ServedCertificate,
  stateFolders,
  type Verifier,
} from '@rip/manager'
import type { BackgroundSetting } from '../settings/background-programs.ts'
import { otherEnvFileNames } from '../settings/env-files.ts'
import { proveFiles } from '../settings/prove-files.ts'
import type { Settings } from '../settings/settings.ts'
import { ServerError } from '../errors.ts'
import { instanceIdentity, instanceName } from '../instance/identity.ts'
import { settingsCertificate } from '../front/certificate.ts'
import { CertificateWatch } from '../front/certificate-watch.ts'
import { type Front, frontBeside, openFront } from '../front/front.ts'
import { noFront } from '../front/no-front.ts'
import type { Ops, OpsOptions } from '../ops/open-ops.ts'
import { ChildOutput } from '../output/child-output.ts'
import { filesOf, proveStartedBackground } from '../application/background-location.ts'
import { forChildren } from '../application/child-environment.ts'
import { FailureWatch } from './failure-watch.ts'
import { statusWithTraffic } from './status-with-traffic.ts'
import type { ServerPlan } from './server-plan.ts'
import { RequestLines } from './request-lines.ts'
import { LIVE_SCRIPT } from '../live/live-server.ts'
import { LOG_NAME, LogFile } from '../output/log-file.ts'
import { logLine, recordOf } from '../output/log-record.ts'
import { LiveConfiguration, liveOptions } from './live-configuration.ts'
import { tenantEnvironment } from '../tenants/tenant-environment.ts'
import type { ServerTenants } from '../tenants/tenants.ts'
import { commandPreload, commandProgram, workerProgram } from '../programs/programs.ts'
import { BUILD_OUTPUTS } from '../application/build-outputs.ts'
import { noBuilder } from '../builder/no-builder.ts'
import { commandArgv, commandText } from '../settings/command.ts'
import { SnapshotBuilder } from '../builder/snapshot-builder.ts'
import { VerdictFolder } from '../instance/verdict-folder.ts'
import { predecessorGone, startSuccessor, type SuccessionOptions } from '../instance/succession.ts'

/**
 * A server with all its parts: balancer, manager and workers of one application. Closing ends them in the reverse order
 * of their start.
 */
export class OpenServer implements AsyncDisposable {
  readonly manager: Manager
  readonly runDir: RunDir
  /** Where clients reach it, with the real port. */
  readonly address: ListenAddress | undefined
  /** The same address, to open in a browser. */
  readonly url: string | undefined
  /** Other addresses of the same, where another process opened several sockets. */
  readonly otherUrls: readonly string[]
  /** Where probes and scrapers ask, if they may. */
  readonly opsAddress: ListenAddress | undefined
  readonly #owned: AsyncDisposableStack
  readonly #parts: ServerParts
  #closing: Promise<DrainReport> | undefined
  #handingOver: Promise<HandOverResult> | undefined
  /** Aborts a successor that does not serve yet. */
  readonly #stopped = new AbortController()

  private constructor(parts: ServerParts, owned: AsyncDisposableStack) {
    this.manager = parts.manager
    this.runDir = parts.runDir
    this.address = parts.front.address
    this.url = parts.front.url
    this.otherUrls = parts.front.otherUrls
    this.opsAddress = parts.ops?.listener?.address
    this.#parts = parts
    this.#owned = owned
  }

  /**
   * Takes run directory, lock and listening socket, but starts no process yet. Leaves nothing behind when it throws.
   */
  static async open(plan: ServerPlan): Promise<OpenServer> {
    await using owned = new AsyncDisposableStack()
    const opened = Promise.withResolvers<OpenServer>()
    const parts = await assemble(plan, owned, {
      ...(plan.isProgram && { handOver: async () => (await opened.promise).handOver() }),
      reload: async (options) => (await opened.promise).reload(options),
    })
    opened.resolve(new OpenServer(parts, owned.move()))
    return opened.promise
  }

  /** Resolves when the first generation serves. @throws what {@link Manager.start} throws */
  async start(): Promise<void> {
    const { plan, publish, log, front, certificates, ops } = this.#parts
    if (plan.inherited === undefined) {
      publish()
      ops?.listener?.accept()
    }
    void certificates.look(Date.now())
    await this.manager.start()
    if (plan.inherited === undefined) return
    // From now on commands reach this server, and the predecessor leaves.
    publish()
    ops?.listener?.accept()
    log.adopt()
    void predecessorGone(plan.inherited).then(() => {
      this.runDir.inheritNames()
      front.inherit()
      ops?.inherit()
      // The predecessor's workers have ended what an application runs once.
      this.manager.activate()
    })
  }

  /** Answers clients with the reason until the application serves. Does nothing without a balancer. */
  async showFailedStart(refusal: Refusal): Promise<void> {
    const { front, plan } = this.#parts
    if (plan.listen === undefined || plan.tenants !== undefined) return
    const { FailedStartServer } = await import('../front/failed-start.ts')
    if (this.#closing !== undefined) return
    const socket = this.runDir.socketPath(0, 0)
    const shown = new FailedStartServer(refusal, { manager: this.manager, router: front.router, socket })
    this.#owned.use(shown)
    await shown.route()
  }

  /**
   * Lets a new process take the place of this one: with the program that is on disk, proven before it gets a request,
   * and with the same listening socket. Then this server finishes its requests and closes.
   */
  handOver(): Promise<HandOverResult> {
    return (this.#handingOver ??= this.#handOver().finally(() => (this.#handingOver = undefined)))
  }

  async #handOver(): Promise<HandOverResult> {
    if (this.#closing !== undefined) return { ok: false, message: 'the server is stopping' }
    // The successor would serve what is on disk.
    if (this.manager.status.held) return { ok: false, message: 'reloads are on hold; resume them first' }
    const { front, log, plan, systemd, ops } = this.#parts
    const problem = await this.#configurationProblem()
    if (problem !== undefined) return { ok: false, message: problem }
    const result = await startSuccessor({
      runDir: this.runDir,
      sockets: front.sockets,
      listen: front.listen,
      ops: passedOn(ops),
      env: plan.env,
      cwd: plan.cwd,
      workers: this.manager.status.wantedWorkers,
      signal: AbortSignal.any([
        this.#stopped.signal,
        AbortSignal.timeout(HAND_OVER_PATIENCE * plan.settings.bootTimeoutMs),
      ]),
    })
    if (!result.ok) return result
    for (const socket of front.sockets) socket.disown()
    ops?.listener?.handOver()
    log.disown()
    systemd?.handOver(result.pid)
    // After the answer to the operator. Without delay: as the successor serves, no load balancer has to turn away.
    setTimeout(() => void this.close({ delay: false }))
    return result
  }

  /** Resolves when the newest content and configuration on disk are in force, if they can be used. */
  async reload(options: ReloadOptions = {}): Promise<ReloadResult> {
    const { configuration, plan } = this.#parts
    if (plan.rereading === undefined) return await this.manager.reload(options)
    configuration.ask()
    const result = await this.manager.reload(options)
    if (!result.ok) return result
    const refusal = result.unchanged
      ? await configuration.refresh(result.generation, this.#stopped.signal)
      : undefined
    if (refusal !== undefined) return { ok: false, refusal }
    return { ...result, configuration: await configuration.settled() }
  }

  /** Whether a line is printed for each request. */
  get printsRequests(): boolean {
    return this.#parts.requestLines.arePrinted(this.#parts.configuration.current)
  }

  /** Prints a line for each request from now on, or none, whatever the settings say. Resolves when that is in force. */
  async printRequests(prints: boolean): Promise<void> {
    const { requestLines, front } = this.#parts
    requestLines.print(prints)
    await front.configure()
  }

  /** Checked before, because a successor would end with it, and only the output of the server would tell why. */
  async #configurationProblem(): Promise<string | undefined> {
    try {
      await this.#parts.plan.rereading?.read(this.#stopped.signal)
      return undefined
    } catch (error) {
      if (error instanceof ServerError) return error.message
      throw error
    }
  }

  /** Drains, then ends every process and removes every file. A second call with `now` ends the wait. */
  close(options: StopOptions = {}): Promise<DrainReport> {
    this.#stopped.abort()
    const stopped = this.manager.close(options)
    return (this.#closing ??= this.#close(stopped))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(stopped: Promise<DrainReport>): Promise<DrainReport> {
    await using _owned = this.#owned
    // Waits for the end of a successor that was given up, which until then uses the names in the run directory.
    await this.#handingOver
    return await stopped
  }
}

interface ServerParts {
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

/** Commands that this server carries out itself, around its manager. */
interface Commands {
  /** Absent when this process cannot be started anew. */
  readonly handOver?: () => Promise<HandOverResult>
  readonly reload: (options: ReloadOptions) => Promise<ReloadResult>
}

/** Boot timeouts that a successor may take: for a candidate, for the other workers, and for the balancer. */
const HAND_OVER_PATIENCE = 3

async function assemble(
  plan: ServerPlan,
  owned: AsyncDisposableStack,
  commands: Commands,
): Promise<ServerParts> {
  const { settings, mode, root, entry, inherited, tenants } = plan
  const modules = modulesOf(plan)
  const succeeds = inherited !== undefined
  const env = forChildren(plan.env)
  const childEnv = (): Readonly<Record<string, string>> => applicationEnv(plan)
  const ownership = tenants && { tenants: ownersOf(tenants, plan) }
  const name = instanceName(settings, root)
  const runDir = owned.use(
    await openRunDir({
      ...instanceIdentity(settings, root),
      env,
      succeeds,
      onWarning: (message) => manager.warn(message),
      ...ownership,
    }),
  )
  const log = owned.use(
    new LogFile(join(runDir.path, LOG_NAME), (message) => manager.warn(message), succeeds),
  )
  const folder = join(runDir.path, succeeds ? `snapshots-${process.pid}` : 'snapshots')
  const { logFormat } = plan
  const requestLines = new RequestLines(logFormat)
  const output = new ChildOutput({
    accessLine: (line) => plan.data(requestLines.shown(accessLine(line, plan), configuration.current)),
    warn: plan.warn,
  })
  const spawner = owned.use(
    createSpawner({
      ...(plan.output && { stdout: plan.output }),
      ...(plan.errorOutput && { stderr: plan.errorOutput }),
      format: (line) =>
        logFormat === 'raw' ? line.bytes : logLine(recordOf(line, Date.now()), logFormat, plan.color),
      lossLine: (dropped) => lossLine(dropped, plan),
      standby: isWarm(plan),
      route: (line, origin) => output.route(line, origin),
      onLine: (line) => log.write(recordOf(line, Date.now())),
    }),
  )
  const { listen, note, warn } = plan
  const beside = { runDir, owned, note, warn, inherited }
  const passed = passedSockets(plan)
  const configuration = new LiveConfiguration({
    root,
    mode,
    started: { settings, files: plan.rereading?.files ?? [] },
    read: plan.rereading?.read ?? (async () => ({ settings, files: [] })),
    configureFront: () => front.configure(),
    prove: () => {
      proveFiles(root)
      proveStartedBackground(settings.background)
      plan.childEnv()
    },
    warn: plan.warn,
  })
  const live = isLive(plan) ? { socket: runDir.socketPath(0, 0) } : undefined
  const front: Front =
    entry === undefined
      ? noFront(inherited)
      : listen === undefined
        ? frontBeside(beside)
        : await openFront({
            ...beside,
            listen,
            passed: passed.forClients,
            settings: () => requestLines.applied(configuration.current),
            mode,
            env,
            account: ownership?.tenants.router,
            ...(live && { pageScript: { path: LIVE_SCRIPT, backend: `unix:${live.socket}` } }),
          })
  const states = stateFolders(instanceIdentity(settings, root), env)
  const tree = contentTreeOf(plan, [runDir.path, ...states])
  const builder =
    modules.length > 0
      ? owned.use(
          new SnapshotBuilder({
            root,
            entries: modules,
            ...unfrozenParts(plan),
            tree,
            notContent: [runDir.path, ...states],
            folder,
            env: childEnv,
            runtimeFlags: runtimeFlags(plan),
            account: ownership?.tenants.workers,
            standby: isWarm(plan),
            warn: plan.warn,
          }),
        )
      : noBuilder
  const bootWrites = new BootWrites()
  const manager = createManager({
    root,
    name,
    command: {
      argv: [process.execPath, ...runtimeFlags(plan), ...workerArguments(plan)],
      explainsOnStdout: plan.command !== undefined,
    },
    workers: entry === undefined ? 0 : inherited?.workers || settings.workers,
    background: settings.background.map((each) => backgroundProgram(each, plan)),
    backgroundLedger: createBackgroundLedger({ runDir: runDir.path, note: plan.note }),
    standsBy: succeeds || plan.standsBy === true,
    ...liveOptions(settings),
    mode,
    ...(ownership && { account: ownership.tenants.workers }),
    cutAfter: mode === 'development' ? 'first' : 'all',
    ...(mode === 'development' && { maxRetiring: DEV_MAX_RETIRING }),
    env: () => ({
      ...childEnv(),
      ...(front.url !== undefined && { RIP_PUBLIC_URL: front.url }),
      ...(plan.static.length > 0 && { RIP_STATIC: JSON.stringify(plan.static) }),
    }),
    spawner,
    watcher: plan.watch
      ? createChangeDetector({
          tree,
          bootWrites,
          onWarning: plan.warn,
          ...(mode === 'development' && savedSooner),
        })
      : undefined,
    tree,
    builder: configuration.builder(builder),
    links: createWorkerLinks(runDir.linksPath, {
      onWarning: plan.warn,
      ...(ownership && { account: ownership.tenants.workers }),
    }),
    bus: { place: () => runDir.busPlace(), left: (pid) => runDir.leftBus(pid) },
    verifier: handingOn(verifierOf(configuration), runDir),
    socketPath: (slot, incarnation) => runDir.socketPath(slot, incarnation),
    verdicts: keepsVerdicts(plan)
      ? new VerdictFolder({ candidates: states, snapshots: folder, account: ownership?.tenants.workers })
      : undefined,
    hasSocket: (path) => runDir.hasSocket(path),
    socketLeft: (path) => runDir.dropSocket(path),
    router: routingHandedOn(front.router, runDir, plan.warn),
    ...observing(front, settings),
    services: front.services,
    stopAccepting: front.stopAccepting,
  })
  configuration.follow(manager)
  if (live !== undefined) {
    const { openLive } = await import('../live/live.ts')
    owned.use(openLive({ ...live, manager, root, editor: env['RIP_EDITOR'] }))
  }
  manager.on('worker-started', ({ pid, atMs }) => bootWrites.started(pid, atMs))
  manager.on('worker-ready', ({ pid, atMs }) => {
    output.ready(pid)
    bootWrites.settled(pid, atMs)
  })
  manager.on('worker-exited', ({ pid, atMs }) => {
    output.gone(pid)
    bootWrites.settled(pid, atMs)
  })
  manager.on('background-started', ({ pid, atMs }) => bootWrites.started(pid, atMs))
  manager.on('background-working', ({ pid, atMs }) => {
    output.ready(pid)
    bootWrites.settled(pid, atMs)
  })
  manager.on('background-exited', ({ pid, atMs }) => {
    output.gone(pid)
    bootWrites.settled(pid, atMs)
  })
  const systemd = plan.isProgram ? notifySystemd(manager, { env: plan.env }) : undefined
  owned.defer(() => systemd?.[Symbol.dispose]())
  const status = async (): Promise<ManagerStatus> => {
    const traffic = await front.traffic()
    return traffic === undefined ? manager.status : statusWithTraffic(manager.status, traffic)
  }
  // In development the page of the failed request says what is wrong.
  if (mode === 'production') owned.use(new FailureWatch({ status, manager }))
  const metrics = owned.use(new ManagerMetrics(manager))
  const ops = await opsOf(plan, {
    passed: passed.forOps,
    owned,
    metrics,
    status,
    present: () => manager.status,
    balancers: () => front.metrics(),
  })
  const certificates = owned.use(
    new CertificateWatch({
      read: async () => (await front.traffic())?.certificates ?? certificatesIn(configuration.current),
      tell: (message) => manager.warn(message),
    }),
  )
  owned.use(
    await openControlServer({
      path: runDir.controlPath,
      manager,
      metrics,
      status,
      requests: front.requests,
      content: (file) => tree.account(file),
      join: front.join,
      joined: front.joined,
      ...commands,
    }),
  )
  const url = front.url === undefined ? {} : { url: front.url }
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
    publish: () => runDir.publish({ name, root, startedAtMs: Date.now(), ...url }),
  }
}

/** Name of the socket of systemd that is for probes, and not for clients of the application. */
const OPS_SOCKET = 'ops'

interface PassedSockets {
  readonly forClients: readonly ListenSocket[]
  readonly forOps: ListenSocket | undefined
}

/** The sockets that systemd has passed to the program. @throws ManagerError `LISTEN_FAILED` */
function passedSockets({ isProgram, entry, listen, warn }: ServerPlan): PassedSockets {
  const passed = isProgram ? activatedListenSockets() : []
  const named = (isOps: boolean): ListenSocket[] =>
    passed.filter(({ name }) => (name === OPS_SOCKET) === isOps).map(({ socket }) => socket)
  const [forClients, [forOps, ...more]] = [named(false), named(true)]
  if (more.length > 0) {
    const reason = 'there is one socket for probes; give the other one another FileDescriptorName'
    throw new ManagerError('LISTEN_FAILED', {
      address: `several sockets from systemd named "${OPS_SOCKET}"`,
      reason,
    })
  }
  if (forClients.length > 0 && (entry === undefined || listen === undefined))
    warn(
      `nothing is served on the socket from systemd at ${forClients.map(({ address }) => formatListenAddress(address)).join(', ')}: this process has no balancer`,
    )
  return { forClients, forOps }
}

function passedOn(ops: Ops | undefined): SuccessionOptions['ops'] {
  if (ops?.socket === undefined) return undefined
  return { fd: ops.socket.fd, asked: ops.asked }
}

/** Most servers have no probes, and load nothing for them. */
async function opsOf(
  { ops: address, inherited }: ServerPlan,
  sources: Omit<OpsOptions, 'address' | 'inherited'>,
): Promise<Ops | undefined> {
  if (address === undefined && inherited?.opsFd === undefined && sources.passed === undefined)
    return undefined
  const { openOps } = await import('../ops/open-ops.ts')
  return await openOps({ ...sources, address, inherited })
}

/** The content of an application on disk. @param ours folders of the server itself, which are none */
export function contentTreeOf(plan: ServerPlan, ours: readonly string[] = []): ContentTree {
  const { root, envFiles } = plan
  const ignore = [
    ...ours.flatMap((path) => inside(root, path)),
    ...otherEnvFileNames(envFiles).map((name) => `/${name}`),
  ]
  return createContentTree({ root, ignore, include: ignoredContent(plan) })
}

/** What is content although it is ignored. */
function ignoredContent(plan: ServerPlan): readonly string[] {
  const { root, command, content, static: folders } = plan
  if (command !== undefined) return BUILD_OUTPUTS
  const tree = createContentTree({ root })
  const files = folders.flatMap(({ folder }) => ignoredHome(root, folder, tree, true))
  return [...(content ?? modulesOf(plan).flatMap((file) => ignoredHome(root, file, tree))), ...files]
}

/** There is nothing to compile where pages are all that is served. */
function isPage(entry: string): boolean {
  return entry.endsWith('.html')
}

/** What Bun runs for each worker. */
function workerArguments({ root, command, entry = root }: ServerPlan): readonly string[] {
  if (command === undefined) return [TAKE_ANY_HEAD, workerProgram(), entry]
  return ['--smol', commandProgram(), commandPreload(), commandText(command), ...commandArgv(command)]
}

/** Whether pages are kept up to date. Where the balancer is another user's process, it does not reach this one. */
function isLive({ mode, listen, tenants }: ServerPlan): boolean {
  return mode === 'development' && listen !== undefined && tenants === undefined
}

/** Whether processes are kept ready for the next change of the code. */
function isWarm({ mode, command }: ServerPlan): boolean {
  return mode === 'development' && command === undefined
}

/**
 * Not in development, where code changes all the time, and not for a server within a program, which leaves nothing
 * behind.
 */
function keepsVerdicts({ isProgram, mode }: ServerPlan): boolean {
  return isProgram && mode === 'production'
}

/** The line as the balancer wrote it; wrapped when it has to be an object and is none. */
function accessLine(line: ChildLine, { logFormat }: ServerPlan): string {
  if (logFormat !== 'json' || line.text.startsWith('{')) return line.text
  return logLine(recordOf(line, Date.now()), logFormat, false)
}

/** The modules that the application begins with. */
export function modulesOf({ entry, command, settings }: ServerPlan): readonly string[] {
  const isLoaded = entry !== undefined && command === undefined && !isPage(entry)
  return [...(isLoaded ? [entry] : []), ...filesOf(settings.background)]
}

/** Where programs run that are no modules, any file may be code, and what served cannot be had again. */
function unfrozenParts({ command, settings }: ServerPlan): {
  readonly anyChangeCounts: boolean
  readonly isUnfrozen: boolean
} {
  const isUnfrozen = command !== undefined
  return { isUnfrozen, anyChangeCounts: isUnfrozen || settings.background.some((each) => 'command' in each) }
}

/** How a process that works in the background is started. */
function backgroundProgram(setting: BackgroundSetting, plan: ServerPlan): BackgroundProgram {
  const { name } = setting
  const bun: [string, ...string[]] = [process.execPath, ...runtimeFlags(plan)]
  return 'file' in setting
    ? { name, argv: [...bun, workerProgram(), setting.file] }
    : { name, argv: [...bun, '--smol', workerProgram()], command: setting.command }
}

/** None with `raw`, which prints only what was written. */
function lossLine(droppedLines: number, { logFormat, warn }: ServerPlan): string | undefined {
  const message = plainLossLine(droppedLines)
  if (logFormat === 'text') return message
  if (logFormat === 'raw') {
    warn(message)
    return undefined
  }
  return JSON.stringify({ time: new Date().toISOString(), level: 'warn', message })
}

/**
 * Most old generations that are kept for streams that never end; browsers then connect again, to the one that serves.
 */
const DEV_MAX_RETIRING = 2

/** In development, a developer waits for the reload; in production, a half-written file must not be read. */
const savedSooner = { leadingMs: 5 }

/** The server's own folder is no content of the application, even below the application's folder. */
function inside(root: string, path: string): string[] {
  const below = relative(root, path)
  return below.startsWith('..') || isAbsolute(below) ? [] : [`/${below}/`]
}

/**
 * The ignored folder that the entry is in, such as `dist`, or the entry itself: what is served is content, wherever it
 * is.
 */
function ignoredHome(root: string, entry: string, tree: ContentTree, isFolder = false): string[] {
  const parts = relative(root, entry).split('/')
  if (parts[0] === '..') return []
  const paths = parts.map((_, depth) => parts.slice(0, depth + 1).join('/'))
  const ignored = paths.find((path, depth) => tree.isIgnored(path, isFolder || depth < parts.length - 1))
  return ignored === undefined ? [] : [ignored]
}

/**
 * The balancer limits the length of heads, and its limit may change while workers run. A worker's own limit cannot
 * change, and is lower by default.
 */
const TAKE_ANY_HEAD = `--max-http-header-size=${64 * 1024 * 1024}`

/**
 * Flags of Bun for workers and builders: they read no `.env` files, and install packages only when the operator asked
 * for it, never in production.
 */
function runtimeFlags({ mode, settings }: Pick<ServerPlan, 'mode' | 'settings'>): readonly string[] {
  return mode === 'development' && settings.install ? ['--no-env-file'] : ['--no-env-file', '--no-install']
}

/** Uses the settings that are tried at that moment, because the path of the check may have changed. */
function verifierOf(configuration: LiveConfiguration): Verifier {
  return {
    async verify(socket, options) {
      const { health: path, healthHost: host } = configuration.tried
      if (path === undefined) return undefined
      return createVerifier({ path, ...(host !== undefined && { host }) }).verify(socket, options)
    },
  }
}

/**
 * User and group numbers: of the workers, and of the process that connects to their sockets, which is the balancer, or
 * the proxy named instead.
 */
function ownersOf({ workers, router }: ServerTenants, { listen, settings }: ServerPlan): Tenants {
  const { uid, gid } = workers
  const routes = listen !== undefined || settings.balancerUser !== undefined
  return { workers: { uid, gid }, router: routes ? router : { uid: 0, gid: 0 } }
}

function applicationEnv({ childEnv, tenants }: ServerPlan): Readonly<Record<string, string>> {
  const env = childEnv()
  return tenants === undefined ? env : { ...tenantEnvironment(env, tenants.workers), RIP_APART: '1' }
}

/** Hands the socket on before the check, because a worker that is checked listens already. */
function handingOn(verifier: Verifier, runDir: RunDir): Verifier {
  return {
    async verify(socket, options) {
      runDir.handOnSocket(socket)
      return await verifier.verify(socket, options)
    },
  }
}

/** A worker that has put anything other than its socket in the place gets no requests; the other workers get them. */
function routingHandedOn(router: Router, runDir: RunDir, warn: (message: string) => void): Router {
  const told = new Set<string>()
  const isHandedOn = ({ socket }: Backend): boolean => {
    try {
      runDir.handOnSocket(socket)
      return true
    } catch (error) {
      if (!told.has(socket)) warn(error instanceof Error ? error.message : String(error))
      told.add(socket)
      return false
    }
  }
  return {
    prepare: (generation, backends) => router.prepare(generation, backends.filter(isHandedOn)),
    cut: (generation) => router.cut(generation),
    drain: (generation, options) => router.drain(generation, options),
  }
}

function observing({ observer }: Front, { rollbackWindowMs }: Settings): Pick<ManagerOptions, 'observe'> {
  return observer === undefined ? {} : { observe: { observer, windowMs: rollbackWindowMs ?? 0 } }
}

/** The certificate of the settings, as long as no balancer says which one it serves. */
function certificatesIn(settings: Settings): readonly ServedCertificate[] {
  try {
    return [settingsCertificate(settings) ?? []].flat()
  } catch {
    // It was removed since it was proven: the balancer serves the one it has.
    return []
  }
}
