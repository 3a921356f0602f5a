import { constants } from 'node:os'
import { STUCK_SIGNAL } from '@rip/worker/protocol'
import { ManagerError } from '../contract/errors.ts'
import type {
  ChildProcess,
  ExitStatus,
  OomRank,
  ProcessSpec,
  Signal,
  WorkerIdentity,
} from '../contract/ports.ts'
import { LAST_WORDS_MS, MAX_LINE_BYTES, OUTPUT_GRACE_MS, STDERR_TAIL_BYTES } from './bounds.ts'
import { LineSplitter, type OnLine } from './line-splitter.ts'
import type { OomWatch } from './oom.ts'
import { StuckQuestion } from './stuck-question.ts'
import { setOomRank } from '../system/oom-score.ts'
import { mayBeSameProcess, processStartTime, processState } from '../system/start-time.ts'
import { TextTail } from './text-tail.ts'
import { messageOf } from '../contract/message-of.ts'

/** One line a child wrote, or a piece of one beyond 256 KiB. */
export interface ChildLine {
  /** The child's name, such as `w1`. */
  readonly name: string
  /** Absent when the child is no worker. */
  readonly worker?: WorkerIdentity | undefined
  readonly stream: 'stdout' | 'stderr'
  /** Without its line end; what is no UTF-8 is replaced by U+FFFD. */
  readonly text: string
  /** Exactly what was written, without the line feed. */
  readonly bytes: Uint8Array
  /** The line was too long to be held: the next piece of this stream goes on with it. */
  readonly continues: boolean
}

export interface ChildHost {
  readonly oom: OomWatch
  onLine(line: ChildLine): void
}

/**
 * A real process, leader of a session and process group of its own. Its standard input, beside what `adopt` says,
 * is never written to: its end, when this process ends, is how the child learns that its supervisor is gone.
 */
export class SupervisedChild implements ChildProcess {
  readonly pid: number
  readonly exited: Promise<ExitStatus>
  readonly #startTime: string | undefined
  readonly #tail = new TextTail(STDERR_TAIL_BYTES)
  readonly #stdin: PipedProcess['stdin']
  #name: string
  #worker: WorkerIdentity | undefined
  #reaped = false
  #killedByUs = false
  readonly #question: StuckQuestion

  constructor(spec: ProcessSpec, host: ChildHost) {
    const child = start(spec)
    this.pid = child.pid
    this.#name = spec.name
    this.#worker = spec.worker
    this.#stdin = child.stdin
    this.#question = new StuckQuestion(child.pid)
    // Until it is reaped the pid cannot be taken by another process, so this is its own start time.
    this.#startTime = processStartTime(child.pid)
    // Before it can start any process of its own, which inherits it.
    if (spec.oomRank !== undefined) setOomRank(child.pid, spec.oomRank)
    const outputs = [
      readLines(child.stdout, (bytes, continues) => {
        const line = this.#line('stdout', bytes, continues)
        if (spec.explainsOnStdout === true) this.#tail.push(line.text)
        host.onLine(line)
      }),
      readLines(child.stderr, (bytes, continues) => {
        const line = this.#line('stderr', bytes, continues)
        if (!this.#question.lets(line.text)) return
        this.#tail.push(line.text)
        host.onLine(line)
      }),
    ]
    this.exited = this.#settle(child, outputs, host.oom)
  }

  /** Whether it is dead, also when `exited` has not resolved yet. */
  get hasEnded(): boolean {
    return this.#reaped || processState(this.pid) === 'Z'
  }

  /** Gives a process that stands by its name and the rest of its environment. */
  adopt({ name, worker }: ProcessSpec, variables: Readonly<Record<string, string>>): void {
    this.#name = name
    this.#worker = worker
    try {
      void this.#stdin.write(`${JSON.stringify(variables)}\n`)
      void this.#stdin.flush()
    } catch {
      // EPIPE: it has just died, which its end tells.
    }
  }

  #line(stream: ChildLine['stream'], bytes: Uint8Array, continues: boolean): ChildLine {
    return { name: this.#name, worker: this.#worker, stream, text: textOf(bytes), bytes, continues }
  }

  signal(signal: Signal): void {
    if (this.#reaped || !mayBeSameProcess(this.pid, this.#startTime)) return
    if (signal === 'SIGKILL') this.#killedByUs = true
    if (signal === STUCK_SIGNAL) this.#question.ask()
    else signalGroup(this.pid, signal)
  }

  rank(rank: OomRank): void {
    if (!this.#reaped && mayBeSameProcess(this.pid, this.#startTime)) setOomRank(this.pid, rank)
  }

  endInput(): void {
    // EPIPE: it has just died, which its end tells.
    void Promise.try(() => this.#stdin.end()).catch(() => {})
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
    this.#tail.keepLatest(LAST_WORDS_MS)
    return {
      code: child.exitCode,
      signal: child.signalCode === null ? null : String(child.signalCode),
      oom: child.signalCode === 'SIGKILL' && !this.#killedByUs && oom.consume(),
    }
  }

  /**
   * Ends the processes that the child left behind in its group. The kernel does not give the pid to a new process
   * while the group has members; if a new process has it, the group was empty and now belongs to that process.
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
      ...spec.account,
      stdio: ['pipe', 'pipe', 'pipe', ...(spec.inheritFds ?? [])],
    })
  } catch (error) {
    const reason = messageOf(error)
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

function textOf(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes)
  return text.endsWith('\r') ? text.slice(0, -1) : text
}

function readLines(stream: ReadableStream<Uint8Array>, onLine: OnLine): OutputReader {
  const splitter = new LineSplitter(MAX_LINE_BYTES, onLine)
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
