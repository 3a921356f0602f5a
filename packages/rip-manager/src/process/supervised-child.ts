import { constants } from 'node:os'
import { STUCK_SIGNAL } from '@rip/worker/protocol'
import { ManagerError } from '../errors.ts'
import type { ChildProcess, ExitStatus, ProcessSpec, Signal } from '../ports.ts'
import { MAX_LINE_CHARS, OUTPUT_GRACE_MS, STDERR_TAIL_BYTES } from './bounds.ts'
import { LineSplitter } from './line-splitter.ts'
import type { OomWatch } from './oom.ts'
import { StuckQuestion } from './stuck-question.ts'
import { processStartTime, processState } from './start-time.ts'
import { TextTail } from './text-tail.ts'

/** One whole line a child wrote. */
export interface ChildLine {
  /** The child's name, such as `w1`. */
  readonly name: string
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}

export interface ChildHost {
  readonly oom: OomWatch
  onLine(line: ChildLine): void
}

/**
 * A real process, leader of a session and process group of its own. Its standard input, beside what `adopt` says,
 * is never written to: it ends when this process does, which tells the child that its supervisor is gone.
 */
export class SupervisedChild implements ChildProcess {
  readonly pid: number
  readonly exited: Promise<ExitStatus>
  readonly #startTime: string | undefined
  readonly #tail = new TextTail(STDERR_TAIL_BYTES)
  readonly #stdin: PipedProcess['stdin']
  #name: string
  #reaped = false
  #killedByUs = false
  readonly #question: StuckQuestion

  constructor(spec: ProcessSpec, host: ChildHost) {
    const child = start(spec)
    this.pid = child.pid
    this.#name = spec.name
    this.#stdin = child.stdin
    this.#question = new StuckQuestion(child.pid)
    // Until it is reaped the pid cannot be taken by another process, so this is its own start time.
    this.#startTime = processStartTime(child.pid)
    const outputs = [
      readLines(child.stdout, (text) => host.onLine({ name: this.#name, stream: 'stdout', text })),
      readLines(child.stderr, (text) => {
        if (!this.#question.lets(text)) return
        this.#tail.push(text)
        host.onLine({ name: this.#name, stream: 'stderr', text })
      }),
    ]
    this.exited = this.#settle(child, outputs, host.oom)
  }

  /** Whether it is dead, also when nobody has been told yet. */
  get hasEnded(): boolean {
    return this.#reaped || processState(this.pid) === 'Z'
  }

  /** Gives a process that stands by its name and the rest of its environment. */
  adopt(name: string, variables: Readonly<Record<string, string>>): void {
    this.#name = name
    try {
      void this.#stdin.write(`${JSON.stringify(variables)}\n`)
      void this.#stdin.flush()
    } catch {
      // EPIPE: it has just died, which its end tells.
    }
  }

  signal(signal: Signal): void {
    if (this.#reaped || processStartTime(this.pid) !== this.#startTime) return
    if (signal === 'SIGKILL') this.#killedByUs = true
    if (signal === STUCK_SIGNAL) this.#question.ask()
    else signalGroup(this.pid, signal)
  }

  stderrTail(): string {
    return this.#tail.toString()
  }

  async #settle(child: PipedProcess, outputs: readonly OutputReader[], oom: OomWatch): Promise<ExitStatus> {
    await child.exited
    this.#reaped = true
    this.#question.close()
    this.#sweepGroup()
    await withinGrace(outputs.map((output) => output.ended))
    for (const output of outputs) output.stop()
    return {
      code: child.exitCode,
      signal: child.signalCode === null ? null : String(child.signalCode),
      oom: child.signalCode === 'SIGKILL' && !this.#killedByUs && oom.consume(),
    }
  }

  /**
   * Ends whatever the child left behind in its group. The kernel does not give the pid to a new process
   * while the group has members; if it is taken all the same, the group was empty and is a stranger's now.
   */
  #sweepGroup(): void {
    if (processStartTime(this.pid) === undefined) signalGroup(this.pid, 'SIGKILL')
  }
}

type PipedProcess = Bun.Subprocess<'pipe', 'pipe', 'pipe'>

function start(spec: ProcessSpec): PipedProcess {
  try {
    return Bun.spawn([...spec.command], {
      cwd: spec.cwd,
      env: spec.env,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', ...(spec.inheritFds ?? [])],
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ManagerError(
      'SPAWN_FAILED',
      { name: spec.name, command: spec.command.join(' '), reason },
      { cause: error },
    )
  }
}

function signalGroup(pid: number, signal: Signal): void {
  try {
    process.kill(-pid, constants.signals[signal])
  } catch {
    // ESRCH: the group is empty. EPERM: macOS says so when only zombies are left in it.
  }
}

interface OutputReader {
  readonly ended: Promise<void>
  /** Hands out what is buffered and lets go of the pipe. */
  stop(): void
}

function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): OutputReader {
  const splitter = new LineSplitter(MAX_LINE_CHARS, onLine)
  const reader = stream.getReader()
  let stopped = false
  const pump = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read()
      if (done || stopped) return
      splitter.push(value)
    }
  }
  // A pipe that breaks while it is read has ended.
  const ended = pump().catch(() => {})
  return {
    ended,
    stop() {
      if (stopped) return
      stopped = true
      splitter.end()
      reader.cancel().catch(() => {})
    },
  }
}

async function withinGrace(outputs: readonly Promise<void>[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, OUTPUT_GRACE_MS)
  await Promise.race([Promise.all(outputs), promise])
  clearTimeout(timer)
}
