import {
  type BackgroundStatus,
  type ControlClient,
  type Finding,
  type Look,
  ManagerError,
  type ManagerStatus,
  type RequestsStatus,
  type WorkerStatus,
} from '@rip/manager'
import { durationMs, Unacceptable } from '@rip/server/settings'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { inspectionLines } from '../inspection/inspection-text.ts'
import { cpuSummary } from '../inspection/cpu-summary.ts'
import { Declarations } from '../inspection/find-declaration.ts'
import { heapSummary } from '../inspection/heap-summary.ts'
import { memoryFigures, type MemoryLooks, memoryGrowth } from '../inspection/memory-growth.ts'
import { PrivateFile } from '../inspection/private-file.ts'
import { processorShare } from '../inspection/processor-share.ts'
import type { Inspection } from '../inspection/inspection.ts'
import { findInstance, type RunningInstance } from '../instance/find-instance.ts'
import { flagValue, type Invocation, isOn, readFlag } from '../invocation.ts'

const DEFAULT_FOR_MS = 5_000
const MAX_FOR_MS = 60_000
/** A snapshot of more objects makes the process stand still for longer than clients wait. */
const MAX_OBJECTS = 1_500_000
/** Larger snapshots are written, and left to Chrome. */
const MAX_READ_BYTES = 400 * 2 ** 20

type Process = WorkerStatus | BackgroundStatus

/** Shows what a worker does: its requests, and as asked for what takes its time and what fills its memory. */
export async function inspect(invocation: Invocation): Promise<number> {
  const { terminal, cwd } = invocation
  if (isOn(invocation, 'json')) return await inspectAsJson(invocation)
  await look(invocation, (part) => {
    const lines = inspectionLines(part, cwd)
    if (lines.length > 0) terminal.data(lines.join('\n'))
  })
  return ExitCode.done
}

/** One object, also when something fails: with what was found before, and `error`. */
async function inspectAsJson(invocation: Invocation): Promise<number> {
  let found: Partial<Inspection> & { readonly error?: unknown } = {}
  try {
    await look(invocation, (part) => void (found = { ...found, ...part }))
    return ExitCode.done
  } catch (error) {
    found = { ...found, error: failureFacts(error) }
    throw error
  } finally {
    invocation.terminal.data(JSON.stringify(found, null, 2))
  }
}

function failureFacts(error: unknown): { readonly code: string | null; readonly message: string } {
  const message = error instanceof Error ? error.message : String(error)
  return { code: error instanceof CliError || error instanceof ManagerError ? error.code : null, message }
}

/** @param show called with each part as soon as it is known */
async function look(invocation: Invocation, show: (part: Partial<Inspection>) => void): Promise<void> {
  const forMs = forMsOf(invocation)
  const { client, snapshot, name } = await findTarget(invocation)
  const process = name === undefined ? busiest(snapshot) : processNamed(snapshot, name)
  const requests = await client.requests()
  show({
    process,
    requests: requestsOf(requests, process),
    processor: await processorShare(process.pid),
  })
  const looks = new Looks(invocation, client, snapshot, process, forMs)
  show({ cpu: await looks.cpu() })
  show({ memory: await looks.memory() })
}

/** Looks into one process, as the flags ask for. */
class Looks {
  readonly #invocation: Invocation
  readonly #client: ControlClient
  readonly #process: Process
  readonly #forMs: number
  readonly #root: string

  constructor(
    invocation: Invocation,
    client: ControlClient,
    { root }: ManagerStatus,
    process: Process,
    forMs: number,
  ) {
    this.#invocation = invocation
    this.#client = client
    this.#process = process
    this.#forMs = forMs
    this.#root = root
  }

  async cpu(): Promise<Inspection['cpu']> {
    const path = flagValue(this.#invocation, 'cpu-profile')
    if (path === undefined && !isOn(this.#invocation, 'cpu')) return undefined
    await using file = await this.#create(path)
    this.#say(`profiling for ${this.#forMs / 1_000} s`)
    const bytes = await this.#whole({ kind: 'cpu', forMs: this.#forMs }, file)
    const summary = this.#read('profile', () => cpuSummary(bytes, (name) => this.#isOwn(name)))
    file?.keep()
    return {
      ...summary,
      ...(file && { file: file.path }),
      processor: await processorShare(this.#process.pid),
    }
  }

  async memory(): Promise<Inspection['memory']> {
    const path = flagValue(this.#invocation, 'heap-snapshot')
    const grows = isOn(this.#invocation, 'memory')
    if (path === undefined && !grows) return undefined
    await using file = await this.#create(path)
    const before = grows ? await this.#look() : undefined
    if (before !== undefined) {
      this.#say(`looking again in ${this.#forMs / 1_000} s`)
      await Bun.sleep(this.#forMs)
    }
    const after = await this.#look(file)
    file?.keep()
    const growth = memoryGrowth(before, after, new Declarations(this.#root))
    return { ...growth, ...(before && { overMs: this.#forMs }), ...(file && { file: file.path }) }
  }

  /** @param file to write the snapshot to, which is then taken however large it is */
  async #look(file?: PrivateFile): Promise<MemoryLooks> {
    const told = await this.#whole({ kind: 'memory' })
    const figures = this.#read('figures', () => memoryFigures(told))
    const { objects } = figures
    if (file === undefined && objects > MAX_OBJECTS) {
      this.#say(`there are ${objects} objects: a snapshot of them would stop the process for many seconds`)
      return { figures, heap: undefined }
    }
    this.#say('taking a snapshot of all objects, while which the process stands still')
    const bytes = await this.#whole({ kind: 'heap' }, file)
    if (bytes.byteLength > MAX_READ_BYTES) return { figures, heap: undefined }
    return { figures, heap: this.#read('snapshot', () => heapSummary(bytes)) }
  }

  /** What a process sends is not trusted to be what it should be. @throws CliError `FINDING_UNREADABLE` */
  #read<T>(what: string, read: () => T): T {
    try {
      return read()
    } catch (cause) {
      throw new CliError('FINDING_UNREADABLE', { name: nameOf(this.#process), what }, { cause })
    }
  }

  async #create(path: string | undefined): Promise<PrivateFile | undefined> {
    return path === undefined ? undefined : await PrivateFile.create(path, this.#invocation.cwd)
  }

  async #whole(look: Look, file?: PrivateFile): Promise<Uint8Array> {
    const { pid } = this.#process
    if (pid === null) throw new CliError('NO_WORKER', { name: nameOf(this.#process), names: [] })
    const { bytes, parts }: Finding = await this.#client.inspect(pid, look)
    const whole = bytes > MAX_READ_BYTES ? undefined : new Uint8Array(bytes)
    let at = 0
    for await (const part of parts) {
      await file?.write(part)
      whole?.set(part, at)
      at += part.byteLength
    }
    return whole ?? new Uint8Array(MAX_READ_BYTES + 1)
  }

  #isOwn(file: string): boolean {
    return file.startsWith(`${this.#root}/`) && !file.includes('/node_modules/')
  }

  #say(text: string): void {
    this.#invocation.terminal.say(`${nameOf(this.#process)}: ${text}`)
  }
}

/** Of the process as it is shown and typed. */
export function nameOf(process: Process): string {
  return 'slot' in process ? `w${process.slot}.${process.incarnation}` : process.name
}

/** The instance, and the process of it that is named, if one is: a single word may also name the application. */
async function findTarget(invocation: Invocation): Promise<RunningInstance & { readonly name?: string }> {
  const [word, app] = invocation.line.words
  if (word === undefined) return await findInstance(invocation, undefined)
  if (app !== undefined || looksLikeWorker(word))
    return { ...(await findInstance(invocation, app)), name: word }
  const found = await findInstance(invocation, undefined).catch(() => undefined)
  const isName = found?.snapshot.background.some(({ name }) => name === word) === true
  return found !== undefined && isName ? { ...found, name: word } : await findInstance(invocation, word)
}

function looksLikeWorker(word: string): boolean {
  return /^w?\d+(?:\.\d+)?$/.test(word)
}

/** @throws CliError `NO_WORKER` */
function processNamed({ workers, background }: ManagerStatus, word: string): Process {
  const wanted = /^\d/.test(word) ? `w${word}` : word
  const found =
    workers.find((worker) => nameOf(worker) === wanted) ??
    workers.filter(({ slot }) => `w${slot}` === wanted).toSorted(byState)[0] ??
    background.find(({ name, pid }) => name === word && pid !== null)
  if (found !== undefined) return found
  throw new CliError('NO_WORKER', { name: word, names: [...workers, ...background].map(nameOf) })
}

/** The one whose event loop is latest, else the one with the most memory. @throws CliError `NO_WORKER` */
function busiest({ workers, background }: ManagerStatus): Process {
  const [found] = workers
    .filter(({ state }) => state === 'ready')
    .toSorted((a, b) => b.loopLagMs - a.loopLagMs || b.rssBytes - a.rssBytes)
  const other = found ?? background.find(({ pid }) => pid !== null)
  if (other !== undefined) return other
  throw new CliError('NO_WORKER', { name: 'that is ready', names: workers.map(nameOf) })
}

/** Those that serve come first, then the newest. */
function byState(a: WorkerStatus, b: WorkerStatus): number {
  return Number(b.state === 'ready') - Number(a.state === 'ready') || b.incarnation - a.incarnation
}

/** Requests that the process answers, and those that wait for any worker. */
function requestsOf({ underWay }: RequestsStatus, process: Process): RequestsStatus['underWay'] {
  if (!('slot' in process)) return []
  return underWay.filter(
    ({ worker, generation }) =>
      worker === null || (worker === nameOf(process) && generation === process.generation),
  )
}

/** @throws CliError `USAGE` */
function forMsOf(invocation: Invocation): number {
  return readFlag(invocation, 'for', lookMs) ?? DEFAULT_FOR_MS
}

function lookMs(text: string): number {
  const forMs = durationMs(text)
  if (forMs > 0 && forMs <= MAX_FOR_MS) return forMs
  throw new Unacceptable('a duration of more than 0 and at most 1m')
}
