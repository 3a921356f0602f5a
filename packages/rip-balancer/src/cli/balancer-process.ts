import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AdminClient } from '../admin/admin-client.ts'
import type { BalancerStatus } from '../admin/admin-protocol.ts'
import type { RelayedProcess } from '../admin/admin-relay.ts'
import type { BalancerConfig } from '../config/config.ts'
import { LEAVE_ORDER, NOW_ORDER } from './parent-pipe.ts'
import { DRAINED, ProcessEnded } from './process-hand-over.ts'

export interface BalancerProcessOptions {
  readonly configFile: string
  readonly adminPath: string
  readonly pool: string | undefined
  readonly config: BalancerConfig
  /** Who drained which backend. */
  readonly drained: ReadonlyMap<string, string>
  /** Descriptors of listening sockets to hand down under the same numbers. */
  readonly fds: readonly number[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whole lines of its standard output. */
  out(text: string): void
  /** Called before `ready` resolves. */
  prepare(admin: AdminClient): Promise<void>
}

/** How often a process that starts is asked whether it is ready. */
const READY_POLL_MS = 5

/** In a bundle the program lies beside its parts. */
const PROGRAM = import.meta.dir.endsWith('/bin')
  ? `${import.meta.dir}/rip-balancer`
  : join(import.meta.dir, import.meta.path.endsWith('.ts') ? '../main.ts' : '../main.js')

/** One process of a group, from its start to its end. It leaves when this process does, however that ends. */
export class BalancerProcess implements RelayedProcess {
  readonly admin: AdminClient
  readonly ready: Promise<readonly string[]>
  readonly ended: Promise<number>
  readonly startedAtMs: number = performance.now()
  /** The last configuration it was sent. */
  kept: BalancerConfig
  private readonly options: BalancerProcessOptions
  private readonly child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>

  constructor(options: BalancerProcessOptions) {
    this.options = options
    this.kept = options.config
    this.admin = new AdminClient({
      socket: options.adminPath,
      ...(options.pool !== undefined && { pool: options.pool }),
    })
    this.writeConfig(options.config)
    this.child = Bun.spawn([process.execPath, ...process.execArgv, PROGRAM, '--config', options.configFile], {
      stdio: stdioWith(options.fds),
      env: {
        ...options.env,
        RIP_PARENT_FD: '0',
        RIP_PARENT_STOPS: '1',
        LISTEN_FDS: undefined,
        [DRAINED]: JSON.stringify([...options.drained]),
      },
    })
    void this.readOutput(this.child.stdout)
    this.ended = this.child.exited
    this.ready = this.becomeReady()
    // A caller that waits for it gets the error; there need not be one.
    this.ready.catch(() => undefined)
  }

  get pid(): number {
    return this.child.pid
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  /** Lets it finish what is under way. Resolves when it has ended, with the requests it gave up on. */
  async leave(): Promise<number> {
    const abandoned = await this.admin.leave().then(
      (report) => report.abandoned,
      // It does not take orders yet, or has died.
      () => 0,
    )
    this.order(LEAVE_ORDER)
    await this.ended
    return abandoned
  }

  cutOff(): void {
    this.order(NOW_ORDER)
  }

  private order(line: string): void {
    try {
      void this.child.stdin.write(line)
      void this.child.stdin.flush()
    } catch {
      // EPIPE: it has just died, which its end tells.
    }
  }

  /** Takes another configuration over. */
  reload(config: BalancerConfig): void {
    this.keep(config)
    this.signal('SIGHUP')
  }

  /** The configuration to read on the next order; its sockets stay as they are. */
  keep(config: BalancerConfig): void {
    const { listen } = this.options.config
    this.kept = { ...config, ...(listen !== undefined && { listen }) }
    this.writeConfig(this.kept)
  }

  private async becomeReady(): Promise<readonly string[]> {
    const { listening } = await this.untilReady()
    await this.options.prepare(this.admin)
    return listening
  }

  /** Rejects with `ProcessEnded`. */
  private async untilReady(): Promise<BalancerStatus> {
    for (;;) {
      const { exitCode, signalCode } = this.child
      if (exitCode !== null || signalCode !== null) throw new ProcessEnded(await this.ended)
      const status = await this.admin.status().catch(() => undefined)
      if (status?.ready === true) return status
      await Bun.sleep(READY_POLL_MS)
    }
  }

  private writeConfig(config: BalancerConfig): void {
    writeFileSync(this.options.configFile, JSON.stringify(config), { mode: 0o600 })
  }

  /** Passes on whole lines only, as several processes write to the same output. */
  private async readOutput(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    let text = ''
    for await (const bytes of stream) {
      text += decoder.decode(bytes, { stream: true })
      const whole = text.lastIndexOf('\n') + 1
      if (whole > 0) this.options.out(text.slice(0, whole))
      text = text.slice(whole)
    }
  }
}

/** Standard input and output are pipes, errors go where ours go, each descriptor keeps its number. */
function stdioWith(fds: readonly number[]): ['pipe', 'pipe', 'inherit', ...('ignore' | number)[]] {
  const highest = Math.max(2, ...fds)
  const more = Array.from({ length: highest - 2 }, (_, at) => (fds.includes(at + 3) ? at + 3 : 'ignore'))
  return ['pipe', 'pipe', 'inherit', ...more]
}
