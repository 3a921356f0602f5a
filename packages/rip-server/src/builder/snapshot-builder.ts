import { existsSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import {
  type Account,
  type Builder,
  type BuildResult,
  type ContentTree,
  type ModuleCounts,
  type OomWatch,
  PACKAGES,
  type PackageStamp,
  type Snapshot,
  runtimeFiles,
  type TreeState,
} from '@rip/manager'
import type { Belongings, BuildReport } from './build-report.ts'
import { makeReadable, makeWorkshop, removeWorkshop, takeIn, takeInWhole } from './snapshot-intake.ts'
import { BuilderProcess, type BuilderOutput, type BuildOrder, type Rehearsal } from './builder-process.ts'
import { realPath } from '../real-path.ts'

/**
 * How long after a build the process for the next one is started: until then, the candidate with the new code boots,
 * and the developer waits for it.
 */
const STANDBY_DELAY_MS = 500
/**
 * How long a process that stood by lives on after its report: its end takes a processor for some milliseconds, and has to wait
 * for the same reason. One of another user ends at once, because it could still change what it built.
 */
const LINGER_MS = 250
/** A build that was killed for want of memory takes so many times what is known, until another one tells. */
const KILLED_GROWTH = 2
/** Files that a process on standby compiles ahead of need, to be faster with the next ones. */
const MAX_SAMPLES = 2

export interface SnapshotBuilderOptions {
  readonly root: string
  /** Files that the application begins with. */
  readonly entries: readonly string[]
  /**
   * Whether a change of any file makes other code, as where programs run that are no modules. @default only what is
   * imported does
   */
  readonly anyChangeCounts?: boolean
  /** Whether something runs what is on disk beside the snapshot. @default false */
  readonly isUnfrozen?: boolean
  /** Gets the names of the files that a build found to belong to the application. */
  readonly tree: Pick<ContentTree, 'read' | 'follow'>
  /** Folders of the server itself, which are no content of the application wherever they are. @default none */
  readonly notContent?: readonly string[]
  /** Folder that gets one snapshot per generation. */
  readonly folder: string
  /** Read anew for each process. */
  readonly env: () => Readonly<Record<string, string>>
  /** Flags of Bun for each process. @default none */
  readonly runtimeFlags?: readonly string[]
  /**
   * The user the builder runs as; the builder can then change nothing in `folder`.
   *
   * @default the user of this process
   */
  readonly account?: Account | undefined
  /** Tells whether the kernel killed a builder for want of memory. @default that is not known */
  readonly oom?: Pick<OomWatch, 'consume'>
  /** Keeps a process ready for the next build, so that a developer who saves a file waits less. @default false */
  readonly standby?: boolean
  /** Called with one sentence for each thing the operator should know. */
  readonly warn?: (message: string) => void
}

/** A set of files in `node_modules`, and the name a {@link TreeState} has for their content. */
interface KnownPackages {
  readonly folder: string
  readonly files: ReadonlyMap<string, PackageStamp>
  readonly hash: string | undefined
}

type BuildFailure = Pick<
  Extract<BuildResult, { readonly ok: false; readonly failure: unknown }>,
  'failure' | 'byChance'
>

interface Standby {
  readonly process: BuilderProcess
  /** Whether the files that the process read when it started are as they were. */
  readonly isCurrent: (state: TreeState) => boolean
}

/** Compiles each generation in a process of its own, so that this one loads neither compiler nor application. */
export class SnapshotBuilder implements Builder, AsyncDisposable {
  readonly #options: SnapshotBuilderOptions
  readonly #running = new Set<BuilderProcess>()
  /** Removals that have not finished, by folder. */
  readonly #discards = new Map<string, Promise<void>>()
  /** Sets of files in `node_modules`, by the folder of the snapshot that uses them. */
  readonly #uses = new Map<string, string | undefined>()
  /** The files and packages that the last build found. */
  #followed: Belongings | undefined
  #packages: KnownPackages | undefined
  /** Hashes of the modules of the last build, by path. */
  #modules: ReadonlyMap<string, string> = new Map()
  /** Modules that the last build found other than the build before, by path. */
  #changed: readonly string[] = []
  #peakBytes = 0
  readonly #told = new Set<string>()
  #builds = 0
  #standby: Standby | undefined
  #standbyTimer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: SnapshotBuilderOptions) {
    this.#options = options
  }

  /** The most that a build has taken so far, which may have found much compiled already. */
  get peakBytes(): number | undefined {
    return this.#peakBytes > 0 ? this.#peakBytes : undefined
  }

  /** Starts the process of the first build before it is known what there is to build. */
  prepare(): void {
    const { root } = this.#options
    const startedMs = Date.now()
    const before = runtimeFiles(root).join('\n')
    const isCurrent = ({ newestMs }: TreeState): boolean =>
      newestMs < startedMs && runtimeFiles(root).join('\n') === before
    try {
      this.#standby ??= { process: this.#start(), isCurrent }
    } catch {
      // ENOENT, or the environment cannot be read, which the build reports.
    }
  }

  /**
   * Files that the build finds to belong to the application are content from then on: the generation is named after
   * them, and a change of one is a change of the application.
   */
  async build(state: TreeState, { signal }: { readonly signal: AbortSignal }): Promise<BuildResult> {
    const { folder, account } = this.#options
    // Taken before anything is waited for: a newer build may begin meanwhile.
    const number = (this.#builds += 1)
    if (account === undefined) return await this.#build(state, join(folder, `building-${number}`), signal)
    await makeReadable(folder, account)
    await makeReadable(join(folder, 'packages'), account)
    const workshop = join(folder, `workshop-${number}`)
    await makeWorkshop(workshop, account)
    try {
      return await this.#build(state, join(workshop, 'building'), signal)
    } finally {
      await removeWorkshop(workshop, account)
      await rm(workshop, { force: true, recursive: true }).catch(() => {})
    }
  }

  /** @param out folder that the builder makes */
  async #build(state: TreeState, out: string, signal: AbortSignal): Promise<BuildResult> {
    const order = this.#orderFor(state, out)
    const byStandby = await this.#buildByStandby(order, state, signal)
    const output = byStandby ?? (await this.#start().build(order, signal))
    const { report } = output
    if (report?.ok === true) this.#peakBytes = Math.max(this.#peakBytes, report.peakBytes ?? 0)
    this.#prepareNext(state)
    if (signal.aborted) await rm(out, { recursive: true, force: true })
    signal.throwIfAborted()
    if (report?.ok === true) return await this.#takeIn(out, this.#withoutOurs(report), state)
    await rm(out, { recursive: true, force: true })
    if (report !== undefined) return await this.#refuse(this.#withoutOurs(withFolder(report, dirname(out))))
    return { ok: false, ...this.#unreported(output) }
  }

  /** Why a builder that ended without a report did so. */
  #unreported({ code, signal, stderr }: Extract<BuilderOutput, { report?: undefined }>): BuildFailure {
    const byChance = signal === 'SIGKILL'
    if (byChance && this.#options.oom?.consume() === true) {
      // The next one is not begun without more room than there was for this one.
      this.#peakBytes *= KILLED_GROWTH
      const message =
        'the system killed the builder for want of memory: raise the memory limit, or run fewer workers'
      return { failure: { kind: 'compile', message }, byChance }
    }
    const how = signal === null ? `with ${code}` : `by ${signal}`
    const message = `the builder ended ${how}: ${stderr.trim() || 'it said nothing'}`
    return { failure: { kind: 'compile', message }, byChance }
  }

  /** Leaves out the server's own folders: below the application's folder, their files look like modules of it. */
  #withoutOurs<T extends BuildReport>(report: T): T {
    if (report.belongings === undefined) return report
    const folders = (this.#options.notContent ?? []).map(realPath)
    const files = report.belongings.files.filter(
      (path) => !folders.some((folder) => path.startsWith(`${folder}/`)),
    )
    return { ...report, belongings: { ...report.belongings, files } }
  }

  #orderFor(state: TreeState, out: string): BuildOrder {
    const { root, entries } = this.#options
    const known = this.#packages
    return {
      root,
      out,
      generation: state.generation,
      entries,
      packages: join(dirname(out), 'packages'),
      ...(known !== undefined && { earlierPackages: known.folder }),
      packagesUnchanged: known?.hash !== undefined && state.files.get(PACKAGES) === known.hash,
    }
  }

  /** Copies what a builder of another user made, because that user may go on writing to it. */
  async #takeIn(
    made: string,
    report: Extract<BuildReport, { ok: true }>,
    state: TreeState,
  ): Promise<BuildResult> {
    const { folder, account } = this.#options
    if (account === undefined) return await this.#admit(made, report, state)
    const { belongings } = report
    const packages = await this.#takePackages(made, belongings.packages, account)
    const out = join(folder, basename(made))
    await takeIn(made, out, account, (name, bytes) =>
      name === 'manifest.json' ? withPackages(bytes, packages) : bytes,
    )
    const { packages: _, ...files } = belongings
    const found = { ...files, ...(packages !== undefined && { packages }) }
    return await this.#admit(out, { ...report, belongings: found }, state)
  }

  async #takePackages(
    made: string,
    given: string | undefined,
    account: Account,
  ): Promise<string | undefined> {
    if (given === undefined || given === this.#packages?.folder) return given
    const name = basename(given)
    if (!/^[0-9a-f]{16}$/.test(name)) throw new Error(`${given} is no set of files the builder makes`)
    const folder = join(this.#options.folder, 'packages', name)
    if (!existsSync(folder)) await takeInWhole(join(dirname(made), 'packages', name), folder, account)
    return folder
  }

  async #admit(
    out: string,
    { belongings, doubts }: Extract<BuildReport, { ok: true }>,
    asked: TreeState,
  ): Promise<BuildResult> {
    for (const doubt of doubts) this.#tellOnce(doubt)
    const state = this.#isFollowed(belongings) ? asked : await this.#follow(belongings)
    // Synchronous, because a developer who has just saved a file would notice each trip to another thread.
    const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as Manifest
    const changed = differenceTo(state, manifest)
    if (changed !== undefined) {
      await rm(out, { recursive: true, force: true })
      return { ok: false, changed }
    }
    const folder = await this.#place(out, state.generation)
    this.#uses.set(folder, belongings.packages)
    const modules = this.#count(manifest)
    const changedIn = changeDetection(state, this.#namesOf(belongings))
    const { anyChangeCounts = false, isUnfrozen = false } = this.#options
    const { generation } = state
    const details = { ...(isUnfrozen && { isUnfrozen }), ...(!anyChangeCounts && { changedIn }) }
    return { ok: true, snapshot: { generation, folder, modules, content: state, ...details } }
  }

  /** Counts the modules, and those that are as they were in the build before. */
  #count({ files, outside = {} }: Manifest): ModuleCounts {
    const before = this.#modules
    const now = new Map(Object.entries({ ...files, ...outside }).map(([path, { hash }]) => [path, hash]))
    this.#modules = now
    const changed = [...now].filter(([path, hash]) => before.get(path) !== hash).map(([path]) => path)
    this.#changed = before.size === 0 ? [] : changed
    return { total: now.size, reused: now.size - changed.length }
  }

  /** What was saved last, or else what the application begins with, is likely to be saved next. */
  #samples(extension: string): readonly string[] {
    const { root, entries } = this.#options
    const saved = this.#changed.filter((path) => path.endsWith(extension)).map((path) => resolve(root, path))
    const likely = saved.length > 0 ? saved : entries.filter((path) => path.endsWith(extension))
    return likely.slice(0, MAX_SAMPLES)
  }

  /** The files, with the names that a {@link TreeState} has for them. */
  #namesOf({ files }: Belongings): readonly string[] {
    const root = `${realpathSync(this.#options.root)}/`
    const names = files.map((path) => (path.startsWith(root) ? path.slice(root.length) : path))
    return [PACKAGES, ...names.filter((path) => !DECLARATIONS.test(path))]
  }

  async #refuse({ failure, belongings }: Extract<BuildReport, { ok: false }>): Promise<BuildResult> {
    if (belongings === undefined) return { ok: false, failure }
    const { generation } = await this.#follow({ ...belongings, ...packagesOf(this.#packages) })
    return { ok: false, failure, generation }
  }

  #isFollowed({ files, packages }: Belongings): boolean {
    const { files: before, packages: packagesBefore } = this.#followed ?? { files: [] }
    return (
      packages === packagesBefore &&
      files.length === before.length &&
      files.every((path, index) => path === before[index])
    )
  }

  /** Reads the content with all files that belong to it. */
  async #follow({ files, packages: folder }: Belongings): Promise<TreeState> {
    const { tree } = this.#options
    this.#followed = { files, ...(folder !== undefined && { packages: folder }) }
    if (folder !== this.#packages?.folder)
      this.#packages = folder === undefined ? undefined : await readSet(folder)
    const known = this.#packages
    tree.follow({ files, ...(known && { packages: known.files }) })
    const state = await tree.read()
    if (known !== undefined && known.hash === undefined)
      this.#packages = { ...known, hash: state.files.get(PACKAGES) }
    return state
  }

  /** Moves a snapshot to the name of its generation; one that is there already has the same content. */
  async #place(out: string, generation: string): Promise<string> {
    const folder = join(this.#options.folder, generation)
    await this.#discards.get(folder)
    if (existsSync(join(folder, 'manifest.json'))) {
      await rm(out, { recursive: true, force: true })
      return folder
    }
    rmSync(folder, { recursive: true, force: true })
    renameSync(out, folder)
    return folder
  }

  #tellOnce(message: string): void {
    if (this.#told.has(message)) return
    this.#told.add(message)
    this.#options.warn?.(message)
  }

  discard({ folder }: Snapshot): void {
    if (folder === undefined) return
    const packages = this.#uses.get(folder)
    this.#uses.delete(folder)
    this.#remove(folder)
    if (
      packages !== undefined &&
      packages !== this.#packages?.folder &&
      ![...this.#uses.values()].includes(packages)
    )
      this.#remove(packages)
  }

  #remove(folder: string): void {
    // Best effort: what remains is removed with the run directory.
    const discard = rm(folder, { recursive: true, force: true })
      .catch(() => {})
      .finally(() => this.#discards.delete(folder))
    this.#discards.set(folder, discard)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#standbyTimer)
    // A builder that is still writing would create the folder again.
    const running = [...this.#running]
    for (const builder of running) builder.kill()
    await Promise.all(running.map((builder) => builder.exited))
    // Waits for them, because two removals in one tree can disturb each other, and one then leaves its folder behind.
    await Promise.all(this.#discards.values())
    // Best effort here, too: an error would hide why a start has failed.
    await rm(this.#options.folder, { recursive: true, force: true }).catch(() => {})
  }

  /** Undefined when no process is ready, or it died without a report: then another process has to build. */
  async #buildByStandby(
    order: BuildOrder,
    state: TreeState,
    signal: AbortSignal,
  ): Promise<BuilderOutput | undefined> {
    clearTimeout(this.#standbyTimer)
    const standby = this.#standby
    this.#standby = undefined
    if (standby?.isCurrent(state) !== true) {
      standby?.process.kill()
      return undefined
    }
    const mayLinger = this.#options.account === undefined
    const output = await standby.process.build(mayLinger ? { ...order, lingerMs: LINGER_MS } : order, signal)
    const isWanted = !signal.aborted && !this.#closed
    return isWanted && output.report === undefined ? undefined : output
  }

  #start(rehearsal?: Rehearsal): BuilderProcess {
    const { root, env, account, runtimeFlags } = this.#options
    const builder = new BuilderProcess({ root, env: env(), rehearsal, account, runtimeFlags })
    this.#running.add(builder)
    void builder.exited.then(() => this.#running.delete(builder))
    return builder
  }

  #prepareNext(state: TreeState): void {
    if (this.#options.standby !== true || this.#closed) return
    clearTimeout(this.#standbyTimer)
    this.#standbyTimer = setTimeout(() => this.#prepareFor(state), STANDBY_DELAY_MS)
  }

  /** @param state the content that the process finds when it starts */
  #prepareFor(state: TreeState): void {
    const { folder } = this.#options
    const environment = environmentOf(state)
    const isCurrent = (now: TreeState): boolean => environmentOf(now) === environment
    try {
      const extension = warmedEnding(state)
      const samples = extension === undefined ? [] : this.#samples(extension)
      this.#standby ??= { process: this.#start({ folder, extension, samples }), isCurrent }
    } catch {
      // ENOENT, when the application is gone; the next build reports it.
    }
  }
}

/** The ending of the files that are changed most: those of the language the application is written in. */
function warmedEnding({ files }: TreeState): string | undefined {
  return [...files.keys()].some((path) => path.endsWith('.rip')) ? '.rip' : undefined
}

/**
 * Files that Bun reads when it starts, or only once, when it first looks at the folder. What a `tsconfig.json` extends
 * may have any name, and lie anywhere.
 */
const RUNTIME_FILES = /^(?:(?:.*\/)?\.env[^/]*$|bunfig\.toml$|.*\.json$)/

/** Files beside the code that decide how it is built and started. */
const SETTINGS =
  /^(?:(?:.*\/)?\.env[^/]*|bunfig\.toml|(?:.*\/)?[jt]sconfig[^/]*\.json|rip-server\.config\.[^/]*|(?:.*\/)?package\.json|bun\.lockb?|package-lock\.json|pnpm-lock\.yaml|yarn\.lock)$/

/** Files with types only, which never run. */
const DECLARATIONS = /\.d\.[cm]?ts$/

/** Finds the first of the names, or of the settings, that has changed in later content. */
function changeDetection(
  { files }: TreeState,
  names: readonly string[],
): (content: TreeState) => string | undefined {
  const used = new Set([...names, ...[...files.keys()].filter((path) => SETTINGS.test(path))])
  return (content) => {
    const added = [...content.files.keys()].filter((path) => SETTINGS.test(path))
    return [...used, ...added].find((path) => files.get(path) !== content.files.get(path))
  }
}

/** The files that a builder read when it started: it cannot be used any more once one of them has changed. */
function environmentOf({ files }: TreeState): string {
  return JSON.stringify([...files].filter(([path]) => RUNTIME_FILES.test(path)))
}

/** Compares the files in a snapshot with those that its name was made from, because files may be written in between. */
function differenceTo(state: TreeState, { files, outside = {} }: Manifest): string | undefined {
  for (const [path, { hash }] of Object.entries(files)) {
    const expected = state.files.get(path)
    if (expected !== undefined && expected !== hash) return path
  }
  return Object.entries(outside).find(([path, { hash }]) => state.files.get(path) !== hash)?.[0]
}

/** The part of a snapshot's manifest that names its content, by SHA-256. */
interface Manifest {
  readonly files: Readonly<Record<string, { readonly hash: string }>>
  readonly outside?: Readonly<Record<string, { readonly hash: string }>>
}

async function readSet(folder: string): Promise<KnownPackages> {
  const files = (await Bun.file(join(folder, 'packages.json')).json()) as Record<string, PackageStamp>
  return { folder, files: new Map(Object.entries(files)), hash: undefined }
}

/** The manifest of a snapshot, with the set of files in `node_modules` where it is now. */
function withPackages(manifest: Buffer, packages: string | undefined): string {
  const { packages: _, ...rest } = JSON.parse(manifest.toString()) as Readonly<Record<string, unknown>>
  return JSON.stringify({ ...rest, ...(packages !== undefined && { packages }) })
}

function packagesOf(known: KnownPackages | undefined): Pick<Belongings, 'packages'> {
  return known === undefined ? {} : { packages: known.folder }
}

/** Which disk is full: the system says only that one is. */
function withFolder(
  report: Extract<BuildReport, { ok: false }>,
  folder: string,
): Extract<BuildReport, { ok: false }> {
  const { failure } = report
  if (!/^(?:ENOSPC|EDQUOT)\b/.test(failure.message)) return report
  return {
    ...report,
    failure: { ...failure, message: `there is no room for the snapshot in ${folder}: ${failure.message}` },
  }
}
