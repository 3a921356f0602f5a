import { AdoptedProcesses } from './adopted-processes.ts'
import { descendants, isThere, residentBytes, signalAll, zombies } from './process-tree.ts'

const POLL_MS = 20
/** The list of processes is read anew so often, where it may be that old. */
const MAX_AGE_MS = 5_000

/** The command was not found. */
export class CommandNotFound extends Error {}

/** Every process of a command: the one that is started, and all that come from it. */
export class CommandProcesses {
  readonly #adopted = new AdoptedProcesses()
  #first: Bun.Subprocess | undefined
  #living: readonly number[] = []
  #readMs = -Infinity

  /**
   * Its input stays open and says nothing: programs that watch files, such as esbuild, end with their input, as if the terminal
   * had been closed.
   *
   * @throws CommandNotFound
   */
  start(
    [program, ...args]: readonly [string, ...string[]],
    env: Readonly<Record<string, string>>,
  ): Bun.Subprocess {
    try {
      this.#first = Bun.spawn([program, ...args], { env, stdio: ['pipe', 'inherit', 'inherit'] })
    } catch (cause) {
      throw new CommandNotFound(`the command ${program} was not found`, { cause })
    }
    return this.#first
  }

  /** Process ids. */
  living(): readonly number[] {
    this.#readMs = performance.now()
    this.#buryAdopted()
    return (this.#living = this.#list())
  }

  /** Where the list cannot be read, those that were on the last one and have not gone. */
  #list(): readonly number[] {
    try {
      return descendants()
    } catch {
      // EMFILE
      for (const pid of this.#living) if (pid !== this.#first?.pid) this.#adopted.bury(pid)
      return this.#living.filter(isThere)
    }
  }

  /** Bytes of memory that all of them have in use. @param isRecent whether the list of them may be some seconds old */
  residentBytes(isRecent: boolean): number {
    const isKnown = isRecent && performance.now() - this.#readMs < MAX_AGE_MS
    return residentBytes(isKnown ? this.#living : this.living())
  }

  /** Sends TERM to all of them, and KILL to those that are left at `untilMs`, as `performance.now()` tells the time. */
  async end(untilMs: number): Promise<void> {
    signalAll(this.#list(), 'SIGTERM')
    while (this.#list().length > 0 && performance.now() < untilMs) await Bun.sleep(POLL_MS)
    for (let left = this.#list(); left.length > 0; left = this.#list()) {
      signalAll(left, 'SIGKILL')
      await Bun.sleep(POLL_MS)
    }
    this.#buryAdopted()
  }

  /** Does not wait for their end. */
  kill(): void {
    signalAll(this.#list(), 'SIGKILL')
  }

  /** The runtime buries the one that it has started itself. */
  #buryAdopted(): void {
    for (const pid of zombies()) if (pid !== this.#first?.pid) this.#adopted.bury(pid)
  }
}
