import type { BackgroundLaunch, Launch } from '../machine/effects.ts'
import { messageOf } from '../contract/message-of.ts'
import type { Surroundings } from '../machine/generation.ts'
import type { Input } from '../machine/inputs.ts'
import type { ChildProcess, OomRank, ProcessSpec, Signal } from '../contract/ports.ts'
import { backgroundEnvironment, WORKER_VARIABLES, workerEnvironment } from './process-environment.ts'
import type { ResolvedOptions } from './resolve-options.ts'
import type { WorkingFolders } from './working-folders.ts'

export interface ApplicationProcessesOptions {
  readonly options: ResolvedOptions
  readonly folders: WorkingFolders
  readonly warn: (message: string) => void
  /** Takes `exited` and `accepting`. */
  readonly deliver: (input: Input) => void
}

/** The running processes that have the application's code: workers, and programs that work in the background. */
export class ApplicationProcesses {
  readonly #options: ResolvedOptions
  readonly #folders: WorkingFolders
  readonly #warn: (message: string) => void
  readonly #deliver: (input: Input) => void
  readonly #children = new Map<number, ChildProcess>()
  /** Under way, by pid. */
  readonly #probes = new Map<number, AbortController>()

  constructor({ options, folders, warn, deliver }: ApplicationProcessesOptions) {
    this.#options = options
    this.#folders = folders
    this.#warn = warn
    this.#deliver = deliver
  }

  /** A worker is started soon, whatever it will serve. */
  prepare(surroundings: Surroundings): void {
    const { env, cwd } = surroundings
    this.#options.spawner.prepare?.({ name: 'w1', cwd, env, ...this.#everyWorker })
  }

  /** Starts a worker. @returns its process id. @throws Error when the system refuses */
  spawn(launch: Launch): number {
    const { slot, socket, generation, snapshot, surroundings } = launch
    const child = this.#options.spawner.spawn({
      name: `w${slot}`,
      worker: { slot, generation },
      cwd: this.#folders.of(generation, snapshot, surroundings),
      env: workerEnvironment(launch, this.#options),
      ...this.#everyWorker,
    })
    return this.#follow(child, () => {
      this.#probes.get(child.pid)?.abort()
      this.#leaveSocket(slot, socket)
    })
  }

  /** What every worker has in common. */
  get #everyWorker(): Omit<ProcessSpec, 'name' | 'cwd' | 'env'> {
    const { command, account } = this.#options
    return {
      command: command.argv,
      ...(account && { account }),
      ...(command.explainsOnStdout === true && { explainsOnStdout: true }),
      oomRank: 'expendable',
      lateVariables: WORKER_VARIABLES,
    }
  }

  /** Starts a program that works in the background. @returns its process id. @throws Error when the system refuses */
  spawnBackground(launch: BackgroundLaunch): number {
    const { name, generation, snapshot, surroundings } = launch
    const { spawner, background, account } = this.#options
    const program = background.find((each) => each.name === name)!
    const child = spawner.spawn({
      name,
      command: program.argv,
      cwd: this.#folders.of(generation, snapshot, surroundings),
      env: backgroundEnvironment(launch, program, this.#options),
      oomRank: 'serving',
      ...(account && { account }),
    })
    this.#note(name, child.pid)
    return this.#follow(child, () => this.#dropNote(name, child.pid))
  }

  signal(pid: number, signal: Signal): void {
    this.#children.get(pid)?.signal(signal)
  }

  rank(pid: number, rank: OomRank): void {
    this.#children.get(pid)?.rank(rank)
  }

  stderrTail(pid: number): string {
    return this.#children.get(pid)?.stderrTail() ?? ''
  }

  /** Finds out when a worker that says nothing accepts connections. */
  probe(pid: number, socket: string): void {
    const controller = new AbortController()
    this.#probes.set(pid, controller)
    const answered = Promise.try(() => this.#options.probe(socket, { signal: controller.signal }))
    void answered.then(
      () => this.#deliver({ type: 'accepting', pid }),
      // Aborted: the process has gone, which its exit says.
      () => {},
    )
    void answered.finally(() => this.#probes.delete(pid)).catch(() => {})
  }

  /** @param ended called before the machine hears of it */
  #follow(child: ChildProcess, ended: () => void): number {
    const { pid } = child
    this.#children.set(pid, child)
    void child.exited.then((status) => {
      this.#children.delete(pid)
      ended()
      this.#options.bus?.left(pid)
      this.#deliver({ type: 'exited', pid, status, stderr: child.stderrTail() })
    })
    return pid
  }

  #leaveSocket(slot: number, socket: string): void {
    try {
      this.#options.socketLeft(socket)
    } catch (error) {
      this.#warn(`the socket that worker ${slot} left cannot be removed: ${messageOf(error)}`)
    }
  }

  #note(name: string, pid: number): void {
    try {
      this.#options.backgroundLedger?.note(name, pid)
    } catch (error) {
      this.#warn(
        `${name} cannot be noted in the run directory: ${messageOf(error)}; should this server be killed, the next one does not wait for it to end`,
      )
    }
  }

  #dropNote(name: string, pid: number): void {
    try {
      this.#options.backgroundLedger?.drop(name, pid)
    } catch (error) {
      this.#warn(
        `the end of ${name} cannot be noted in the run directory: ${messageOf(error)}; the next server finds out by itself`,
      )
    }
  }
}
