import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AdminClient, type BalancerConfig } from '@rip/balancer'
import { until } from '@rip/testing'

const BACKEND = fileURLToPath(new URL('backend.ts', import.meta.url))
const BALANCER = fileURLToPath(new URL('../../packages/rip-balancer/src/main.ts', import.meta.url))

/** Fields of the access log for a request. */
export interface Logged {
  readonly target: string
  readonly outcome: string
  readonly backend: string | null
}

export interface StageOptions {
  /** A folder of its own. */
  readonly folder: string
  readonly port: number
  /** The file of the access log. @default a file in the folder */
  readonly logFile?: string | undefined
  /** Number of descriptors that the balancer may open. @default as many as this process */
  readonly descriptors?: number | undefined
  /** What the balancer speaks to the good backends, which take HTTP/2 as well. @default its own */
  readonly workerProtocol?: string | undefined
  /** Settings that differ from those of all stages. */
  readonly config?: BalancerConfig
}

interface Process {
  readonly id: string
  readonly socket: string
  readonly http2: boolean
  readonly child: Bun.Subprocess
}

/** One balancer process with its backends, all real processes on real sockets. */
export class Stage implements AsyncDisposable {
  readonly port: number
  readonly admin: AdminClient
  private readonly options: StageOptions
  private readonly backends = new Map<string, Process>()
  private balancer: Bun.Subprocess | undefined
  private config: BalancerConfig
  private started = 0

  constructor(options: StageOptions) {
    mkdirSync(options.folder, { recursive: true })
    this.options = options
    this.port = options.port
    this.admin = new AdminClient({ socket: this.file('admin.sock') })
    this.config = {
      listen: `127.0.0.1:${options.port}`,
      admin: `unix:${this.file('admin.sock')}`,
      accessLog: { format: 'json', file: options.logFile ?? this.file('access.log') },
      timeouts: { response: '2s' },
      health: { path: '/', interval: '1s', timeout: '1s' },
      ...(options.workerProtocol !== undefined && {
        workerProtocol: options.workerProtocol as NonNullable<BalancerConfig['workerProtocol']>,
      }),
      ...options.config,
    }
  }

  get balancerPid(): number {
    return this.balancer!.pid
  }

  /** Ids of the running backends. */
  get ids(): string[] {
    return [...this.backends.keys()]
  }

  /** Starts a backend and resolves when it accepts. @returns its id */
  async addBackend(behaviour = 'good', id = `b${++this.started}`): Promise<string> {
    const socket = this.file(`${id}.${++this.started}.sock`)
    const child = Bun.spawn(['bun', BACKEND, socket, behaviour], { stdio: ['ignore', 'ignore', 'inherit'] })
    this.backends.set(id, { id, socket, http2: behaviour === 'good', child })
    await until(`${id} listens`, () => existsSync(socket))
    return id
  }

  declaration(ids: readonly string[] = this.ids): { id: string; address: string; http2: boolean }[] {
    return ids.map((id) => {
      const { socket, http2 } = this.backends.get(id)!
      return { id, address: `unix:${socket}`, http2 }
    })
  }

  pid(id: string): number {
    return this.backends.get(id)!.child.pid
  }

  async end(id: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const backend = this.backends.get(id)!
    this.backends.delete(id)
    backend.child.kill(signal)
    await backend.child.exited
  }

  /**
   * Starts the balancer; with `to` the backends are in its configuration, otherwise they are declared over its admin
   * socket.
   */
  async startBalancer(to?: readonly string[]): Promise<void> {
    if (to !== undefined) this.config = { ...this.config, to: this.declaration(to) }
    this.writeConfig(this.config)
    const { descriptors } = this.options
    const limit = descriptors === undefined ? '' : `ulimit -n ${descriptors}; `
    const command = `${limit}exec bun "${BALANCER}" --config "${this.file('balancer.json')}"`
    this.balancer = Bun.spawn(['sh', '-c', command], {
      stdio: ['ignore', 'pipe', Bun.file(this.file('stderr'))],
    })
    const output = (this.balancer.stdout as ReadableStream<Uint8Array>).getReader()
    await output.read()
    output.releaseLock()
  }

  /** Replaces the configuration file and makes the balancer read it. */
  reload(changes: BalancerConfig): void {
    this.config = { ...this.config, ...changes }
    this.writeConfig(this.config)
    this.balancer!.kill('SIGHUP')
  }

  /** The access log by target; empty when it was not written to a file. */
  async log(): Promise<ReadonlyMap<string, Logged>> {
    // Lines are written ten times a second.
    await Bun.sleep(300)
    const text = this.options.logFile === undefined ? readFileSync(this.file('access.log'), 'utf8') : ''
    const lines = text.split('\n').filter((line) => line.startsWith('{"v"'))
    const entries = lines.map((line) => JSON.parse(line) as Logged)
    return new Map(entries.map((entry) => [entry.target, entry]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const children = [...this.backends.values()].map(({ child }) => child)
    if (this.balancer !== undefined) children.push(this.balancer)
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map(({ exited }) => exited))
  }

  private file(name: string): string {
    return join(this.options.folder, name)
  }

  private writeConfig(config: BalancerConfig): void {
    writeFileSync(this.file('balancer.json'), JSON.stringify(config))
  }
}
