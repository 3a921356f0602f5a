import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { AdminClient } from '../admin/admin-client.ts'
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
  /** Lines of its standard output after those that say where it listens. */
  out(text: string): void
  /** Called before `ready` resolves. */
  prepare(admin: AdminClient): Promise<void>
}

/** In a bundle the program lies beside its parts. */
const PROGRAM = import.meta.dir.endsWith('/bin')
  ? `${import.meta.dir}/rip-balancer`
  : fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js', import.meta.url))

/** One process of a group, from its start to its end. It leaves when this process does, however that ends. */
export class BalancerProcess implements RelayedProcess {
  readonly admin: AdminClient
  readonly ready: Promise<readonly string[]>
  readonly ended: Promise<number>
  readonly startedAtMs: number = performance.now()
  /** The configuration it was told last. */
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
    const listening = Promise.withResolvers<readonly string[]>()
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
    void this.readOutput(this.child.stdout, listening.resolve)
    this.ended = this.child.exited
    void this.ended.then((code) => listening.reject(new ProcessEnded(code)))
    this.ready = this.becomeReady(listening.promise)
    // Whoever waits for it hears of it; nobody has to.
    this.ready.catch(() => undefined)
  }

  get pid(): number {
    return this.child.pid
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  /** Lets it finish what is under way. */
  leave(): void {
    this.order(LEAVE_ORDER)
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

  /** What it reads when it is told to; its sockets stay as they are. */
  keep(config: BalancerConfig): void {
    const { listen } = this.options.config
    this.kept = { ...config, ...(listen !== undefined && { listen }) }
    this.writeConfig(this.kept)
  }

  private async becomeReady(listening: Promise<readonly string[]>): Promise<readonly string[]> {
    const addresses = await listening
    await this.options.prepare(this.admin)
    return addresses
  }

  private writeConfig(config: BalancerConfig): void {
    writeFileSync(this.options.configFile, JSON.stringify(config), { mode: 0o600 })
  }

  /** Passes on whole lines only, as several processes write to the same output. */
  private async readOutput(
    stream: ReadableStream<Uint8Array>,
    listening: (addresses: readonly string[]) => void,
  ): Promise<void> {
    const decoder = new TextDecoder()
    const addresses: string[] = []
    const expected = [this.options.config.listen].flat().length
    let text = ''
    for await (const bytes of stream) {
      text += decoder.decode(bytes, { stream: true })
      while (addresses.length < expected && text.includes('\n')) {
        const end = text.indexOf('\n')
        addresses.push(text.slice('listening '.length, end))
        text = text.slice(end + 1)
        if (addresses.length === expected) listening(addresses)
      }
      const whole = addresses.length < expected ? 0 : text.lastIndexOf('\n') + 1
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
