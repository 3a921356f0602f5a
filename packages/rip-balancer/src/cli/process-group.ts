import { lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LeaveReport } from '../admin/admin-protocol.ts'
import { AdminRelay } from '../admin/admin-relay.ts'
import { AdminServer } from '../admin/admin-server.ts'
import { refuseFixed } from '../config/fixed-settings.ts'
import type { BalancerConfig } from '../config/config.ts'
import { resolveConfig } from '../config/resolve-config.ts'
import { randomStickyKey } from '../pool/sticky-names.ts'
import { BalancerError } from '../errors.ts'
import { MetricsServer } from '../metrics/metrics-server.ts'
import { BalancerProcess } from './balancer-process.ts'
import { listenersOf, sharedConfig } from './shared-config.ts'

export interface ProcessGroupOptions {
  readonly config: BalancerConfig
  readonly processes: number
  readonly env: Readonly<Record<string, string | undefined>>
  out(text: string): void
  err(text: string): void
  /** Called when the admin API orders the group to leave; `stop` it then. */
  onLeave(): void
}

/** How a group ended. */
export interface GroupEnd {
  /** Highest exit code. */
  readonly code: number
  /** Requests that were aborted because they did not finish in time. */
  readonly abandoned: number
}

/** A process that ended sooner than this is not replaced at once: something is wrong with it. */
const SHORT_LIFE_MS = 1_000

/**
 * Several processes on the same sockets that are operated as one: one admin socket, one configuration, one end.
 * A process that dies is replaced by one that knows what it knew.
 */
export class ProcessGroup implements AsyncDisposable {
  private readonly options: ProcessGroupOptions
  private readonly folder: string
  private readonly relay: AdminRelay
  private readonly admin: AdminServer | undefined
  private readonly metrics: MetricsServer | undefined
  private readonly members = new Set<BalancerProcess>()
  private readonly timers = new Set<ReturnType<typeof setTimeout>>()
  /** The same in every process, and in those that replace them. */
  private readonly stickyKey = randomStickyKey()
  private config: BalancerConfig
  private bound: readonly string[] = []
  private spawned = 0
  private started = false
  private stopping = false
  /** The system refused to start the last process. */
  private isRefused = false
  private worstCode = 0
  private readonly left = Promise.withResolvers<LeaveReport>()

  /** @throws `CONFIG_INVALID`, also for sockets that several processes cannot share */
  constructor(options: ProcessGroupOptions) {
    this.options = options
    this.config = options.config
    const { adminPath, metricsAddress, pool } = resolveConfig(options.config)
    refuseUnshareable(options)
    const relayed = {
      processes: () => [...this.members],
      listening: () => this.bound,
      configure: (config: BalancerConfig) => this.configure(config),
      ready: () => this.started,
      leave: () => {
        options.onLeave()
        return this.left.promise
      },
      pool,
    }
    this.relay = new AdminRelay({ ...relayed, shares: options.processes })
    this.admin = adminPath === undefined ? undefined : new AdminServer(adminPath, this.relay)
    this.metrics = metricsAddress && new MetricsServer(metricsAddress, () => this.relay.metrics())
    this.folder = mkdtempSync(join(tmpdir(), 'rip-balancer-'))
  }

  /** Where it listens. */
  get urls(): readonly string[] {
    return this.bound
  }

  /** Where the metrics of all are, if they were asked for over TCP. */
  get metricsUrl(): string | undefined {
    return this.metrics?.url
  }

  /** Resolves when every process accepts. Rejects with `ProcessEnded` when one cannot. */
  async start(): Promise<void> {
    await this.admin?.start()
    this.metrics?.start()
    // The first one finds a port where none was named; the others join it there.
    this.bound = await this.spawn().ready
    await Promise.all(Array.from({ length: this.options.processes - 1 }, () => this.spawn().ready))
    this.started = true
  }

  /** @throws `CONFIG_INVALID`; then nothing has changed */
  reload(config: BalancerConfig): void {
    this.adopt(config)
    for (const member of this.members) member.reload(this.configOf(member.admin.socket))
  }

  /** The same, and resolves when it is in force in every process. @throws `CONFIG_INVALID`; then nothing has changed */
  private async configure(config: BalancerConfig): Promise<void> {
    this.adopt(config)
    for (const member of this.members) member.keep(this.configOf(member.admin.socket))
    const configs = new Map([...this.members].map(({ admin, kept }) => [admin, kept]))
    await this.relay.each(async (admin) => admin.configure(configs.get(admin) ?? {}))
  }

  private adopt(config: BalancerConfig): void {
    resolveConfig(config)
    refuseFixed(this.config, config, ['listen'])
    this.config = config
    this.relay.forgetReplaced()
  }

  signal(name: NodeJS.Signals): void {
    for (const member of this.members) member.signal(name)
  }

  /** Lets every process finish what is under way. */
  async stop(): Promise<GroupEnd> {
    this.stopping = true
    for (const timer of this.timers) clearTimeout(timer)
    const counts = await Promise.all([...this.members].map((member) => member.leave()))
    const abandoned = counts.reduce((sum, count) => sum + count, 0)
    this.left.resolve({ abandoned })
    return { code: this.worstCode, abandoned }
  }

  /** Ends what `stop` waits for. */
  cutOff(): void {
    for (const member of this.members) member.cutOff()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopping = true
    this.signal('SIGKILL')
    await Promise.all([...this.members].map(({ ended }) => ended))
    await this.admin?.close()
    await this.metrics?.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** @throws when the system refuses */
  private spawn(): BalancerProcess {
    this.makeFolder()
    const name = String(++this.spawned)
    const adminPath = join(this.folder, `${name}.sock`)
    const member = new BalancerProcess({
      adminPath,
      configFile: join(this.folder, `${name}.json`),
      pool: this.config.pool,
      config: this.configOf(adminPath),
      drained: this.relay.drained,
      fds: inheritedFds(this.config),
      env: this.options.env,
      out: (text) => this.options.out(text),
      prepare: (admin) => this.relay.replay(admin),
    })
    this.members.add(member)
    void member.ended.then((code) => this.ended(member, code))
    return member
  }

  private configOf(adminPath: string): BalancerConfig {
    return sharedConfig(this.config, {
      processes: this.options.processes,
      adminPath,
      stickyKey: this.stickyKey,
      learnedFile: join(this.folder, 'learned'),
      bound: this.bound.map((url) => url.replace(/^https?:\/\//, '')),
      waitForBackends: this.relay.hasDeclared,
    })
  }

  private ended(member: BalancerProcess, code: number): void {
    this.members.delete(member)
    this.worstCode = Math.max(this.worstCode, code)
    if (this.stopping || !this.started) return
    this.options.err(`balancer process ${member.pid} ended with code ${code}; another one is started\n`)
    const lived = performance.now() - member.startedAtMs
    if (lived >= SHORT_LIFE_MS) this.respawn()
    else this.respawnLater()
  }

  private respawnLater(): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      this.respawn()
    }, SHORT_LIFE_MS)
    this.timers.add(timer)
  }

  /** While the system refuses to start a process, the others serve on. */
  private respawn(): void {
    try {
      this.spawn()
      this.isRefused = false
    } catch (error) {
      if (!this.isRefused)
        this.options.err(
          `no balancer process can be started: ${(error as Error).message}; tried every second\n`,
        )
      this.isRefused = true
      this.respawnLater()
    }
  }

  /** Makes it again if it was removed, as what is old below `/tmp` may be. */
  private makeFolder(): void {
    try {
      mkdirSync(this.folder, { mode: 0o700 })
    } catch (error) {
      const status = lstatSync(this.folder, { throwIfNoEntry: false })
      if (status?.isDirectory() !== true || status.uid !== process.getuid?.()) throw error
    }
  }
}

function inheritedFds(config: BalancerConfig): number[] {
  return listenersOf(config).flatMap(({ address }) => Number(/^fd:(\d+)$/.exec(address)?.[1] ?? []))
}

/** A path can be bound once; a descriptor or a TCP port can be listened on by all. */
function refuseUnshareable({ config, processes }: ProcessGroupOptions): void {
  const problems = listenersOf(config)
    .filter(({ address }) => address.startsWith('unix:'))
    .map(
      ({ address }) =>
        `listen: ${address} cannot be shared by ${processes} processes; pass its socket as fd:N`,
    )
  if (problems.length > 0) throw new BalancerError('CONFIG_INVALID', { problems })
}
