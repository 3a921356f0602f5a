import { styleText } from 'node:util'
import type { Writable } from 'node:stream'
import type { ChildProcess, ProcessSpec, Spawner } from '../contract/ports.ts'
import { OOM_LOOK_MS } from './bounds.ts'
import { createLineOutput } from './line-output.ts'
import { createOomWatch, type OomWatch } from './oom.ts'
import { Standby } from './standby.ts'
import { type ChildLine, SupervisedChild } from './supervised-child.ts'

const colors = ['cyan', 'yellow', 'green', 'magenta', 'blue'] as const

export interface SpawnerOptions {
  /** Where lines of children's standard output go. @default process.stdout */
  readonly stdout?: Writable
  /** Where lines of children's standard error go. @default process.stderr */
  readonly stderr?: Writable
  /** Colours the name before each line. @default false */
  readonly color?: boolean
  /** What is printed for a line, without a line feed. @default name, ` | `, text */
  readonly format?: (line: ChildLine) => string | Uint8Array
  /** Text of the line about lines that were not read in time, if there is to be one. @default a remark in brackets */
  readonly lossLine?: (droppedLines: number) => string | undefined
  /** Sees every line beside its being printed. */
  readonly onLine?: (line: ChildLine) => void
  /** Decides when, if ever, a line of the process with this pid is printed. @default prints at once */
  readonly route?: (line: ChildLine, origin: { readonly pid: number; readonly print: () => void }) => void
  readonly oom?: OomWatch
  /** Keeps a process ready for the next spec with `lateVariables`. @default false */
  readonly standby?: boolean
}

/** Starts real processes; see `ChildProcess` for what each of them is promised. */
export interface ProcessSpawner extends Spawner, AsyncDisposable {
  /** Kills every process group that is left and stops printing. Idempotent. */
  close(): Promise<void>
}

export function createSpawner(options: SpawnerOptions = {}): ProcessSpawner {
  const format = options.format ?? (options.color === true ? formatColored : formatPlain)
  const { lossLine } = options
  const outputs = {
    stdout: createLineOutput(options.stdout ?? process.stdout, { ...(lossLine && { lossLine }) }),
    stderr: createLineOutput(options.stderr ?? process.stderr, { ...(lossLine && { lossLine }) }),
  }
  const oom = options.oom ?? createOomWatch()
  const looking = setInterval(() => oom.look(), OOM_LOOK_MS)
  looking.unref()
  const running = new Set<ChildProcess>()
  let closing: Promise<void> | undefined

  const onLine = (line: ChildLine, pid: number): void => {
    // Now, as a format may contain the time.
    const text = format(line)
    const print = (): void => outputs[line.stream].write(text)
    if (options.route === undefined) print()
    else options.route(line, { pid, print })
    options.onLine?.(line)
  }

  const start = (spec: ProcessSpec): SupervisedChild => {
    const child: SupervisedChild = new SupervisedChild(spec, {
      oom,
      onLine: (line) => onLine(line, child.pid),
    })
    // Also keeps the child, and with it the pipe that says we live, from being collected.
    running.add(child)
    void child.exited.then(() => running.delete(child))
    return child
  }
  const standby = options.standby === true ? new Standby(start) : undefined

  const spawn = (spec: ProcessSpec): ChildProcess => {
    const ready = spec.lateVariables === undefined ? undefined : standby?.take(spec)
    return ready ?? start(spec)
  }

  const stop = async (): Promise<void> => {
    clearInterval(looking)
    standby?.close()
    const left = [...running]
    for (const child of left) child.signal('SIGKILL')
    await Promise.all(left.map((child) => child.exited))
    outputs.stdout.close()
    outputs.stderr.close()
  }

  const close = (): Promise<void> => (closing ??= stop())
  const prepare = standby && ((spec: ProcessSpec): void => standby.prepare(spec))
  return { spawn, ...(prepare && { prepare }), close, [Symbol.asyncDispose]: close }
}

/** `w1 | text`; a piece that the next one goes on with ends with an ellipsis. */
export function formatPlain(line: PrintedLine): string {
  return `${line.name} | ${shown(line)}`
}

/** The same with the name in a colour of its own. */
export function formatColored(line: PrintedLine): string {
  return `${styleText(colorOf(line.name), `${line.name} |`, { validateStream: false })} ${shown(line)}`
}

type PrintedLine = Pick<ChildLine, 'name' | 'text' | 'continues'>

function shown({ text, continues }: PrintedLine): string {
  return continues ? `${text}…` : text
}

/** The same name has the same colour in every run. */
function colorOf(name: string): (typeof colors)[number] {
  const sum = Buffer.from(name).reduce((total, byte) => total + byte, 0)
  return colors[sum % colors.length] ?? 'cyan'
}
