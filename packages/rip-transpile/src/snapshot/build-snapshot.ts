import { copyFileSync, existsSync, mkdirSync, realpathSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Adapter } from '../adapter.ts'
import type { CompileError } from '../compile-error.ts'
import { ModuleGraph } from '../graph/module-graph.ts'
import { ReferenceMemory } from '../graph/reference-memory.ts'
import { indexPath, type PackageFiles, readIndex, writePackageSet } from '../graph/package-set.ts'
import { contentPath, MANIFEST_VERSION } from './manifest.ts'
import type { SnapshotFile, SnapshotManifest } from './manifest.ts'
import { isModule, moduleFiles } from './module-files.ts'
import { pathBelow } from './posix-path.ts'
import { writeManifest } from './write-manifest.ts'

export interface BuildSnapshotOptions {
  /** Folder of the application. */
  readonly root: string
  /** Folder that the snapshot is written to; created if missing. */
  readonly out: string
  readonly generation?: string
  /**
   * Absolute path of the module the application begins with. Modules that it does not import are kept if they compile.
   * @default all modules of the application count as imported
   */
  readonly entry?: string
  /** Further modules it begins with, such as those that work in the background. @default none */
  readonly entries?: readonly string[]
  /** The application's files, as paths relative to the root. @default every module below the root */
  readonly files?: readonly string[]
  /** Folder that gets one folder for each set of files in `node_modules`. @default none is kept */
  readonly packages?: string
  /** Set that an earlier snapshot uses. */
  readonly earlierPackages?: string
  /** File that records the imports within `node_modules`, for the next build without an earlier set. */
  readonly packageIndex?: string
  /** Whether nothing in `node_modules` has changed since, so that the set need not be read again. @default false */
  readonly packagesUnchanged?: boolean
  /** The compiler for files with this ending. */
  adapterFor(extension: string): Adapter
  /** Takes what need not be done before the result is known. @default does it at once */
  readonly later?: (work: () => void) => void
}

export interface BuiltSnapshot {
  readonly files: number
  /** Files that are in a language to compile. */
  readonly compiled: number
  readonly belongings: Belongings
  /** Why modules that no other module imports were left out. */
  readonly doubts: readonly CompileError[]
}

/** The files that decide what an application does, wherever they are. */
export interface Belongings {
  /** Absolute paths, outside of `node_modules`. */
  readonly files: readonly string[]
  /** Folder of the set of files in `node_modules`; absent when nothing is imported from there. */
  readonly packages?: string
}

/** Some files could not be compiled. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
  readonly code = 'RIP_SNAPSHOT'
  /** At least one, in order of the files' paths. */
  readonly errors: readonly CompileError[]
  readonly belongings: Belongings

  constructor(errors: readonly CompileError[], belongings: Belongings) {
    super(errors.map((error) => error.message).join('\n\n'))
    this.errors = errors
    this.belongings = belongings
  }
}

/**
 * Freezes an application's code: every module it imports, wherever that is, and every other one below its folder, is
 * compiled if need be and copied by content, so that it can be loaded again whatever happens to the files.
 *
 * @throws {SnapshotError} When source that is imported does not compile. No manifest is written then.
 */
export async function buildSnapshot(options: BuildSnapshotOptions): Promise<BuiltSnapshot> {
  const root = realpathSync(options.root)
  mkdirSync(contentPath(options.out, ''), { recursive: true, mode: 0o700 })
  const earlier = earlierPackagesOf(options)
  const graph = await graphOf(root, earlier, options)
  if (graph.errors.length > 0) {
    const errors = graph.errors.toSorted((a, b) => (a.filename < b.filename ? -1 : 1))
    throw new SnapshotError(errors, { files: graph.files })
  }
  const packages = packageSet(graph, earlier, options)
  const { files, outside } = freeze(graph, root, options.out)
  writeManifest(options.out, {
    version: MANIFEST_VERSION,
    root,
    namedRoot: resolve(options.root),
    ...(options.generation !== undefined && { generation: options.generation }),
    files,
    ...(Object.keys(outside).length > 0 && { outside }),
    ...(packages !== undefined && { packages }),
  })
  const modules = [...graph.modules.values()]
  return {
    files: modules.length,
    compiled: modules.filter(({ code }) => code !== undefined).length,
    belongings: { files: graph.files, ...(packages !== undefined && { packages }) },
    doubts: graph.doubts,
  }
}

async function graphOf(
  root: string,
  { files, folder }: EarlierPackages,
  options: BuildSnapshotOptions,
): Promise<ModuleGraph> {
  const { entry, entries = [], packagesUnchanged = false } = options
  const isKnown = packagesUnchanged && folder !== undefined
  const memory = new ReferenceMemory(options.packages && join(options.packages, 'references.json'))
  const graph = new ModuleGraph({
    root,
    adapterFor: (extension) => options.adapterFor(extension),
    ...(isKnown ? { knownPackages: files } : { earlierPackages: files }),
    earlierAreKept: folder !== undefined,
    memory,
  })
  const names = options.files?.filter(isModule) ?? moduleFiles(root)
  const lying = names.map((path) => join(root, path))
  const begins = entry === undefined ? entries : [entry, ...entries]
  if (entry === undefined && options.entries === undefined) await graph.add(lying, 'imported')
  else
    await graph.add(
      begins.map((file) => realEntry(file)),
      'imported',
    )
  if (graph.picksModules)
    await graph.add(
      names.filter(mayRun).map((path) => join(root, path)),
      'possible',
    )
  await graph.add(lying, 'lying')
  const { later = (work) => work() } = options
  later(() => memory.save())
  return graph
}

function realEntry(file: string): string {
  try {
    return realpathSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(
      `the application begins with ${file}, which does not exist: restore it, or start the server with another file`,
      { cause: error },
    )
  }
}

/**
 * False for tests, scripts and the like beside an application, which import much that the application does not need.
 */
function mayRun(path: string): boolean {
  return !/(?:^|\/)(?:tests?|__tests__|spec|e2e|scripts|tools)\/|[.-](?:test|spec|config|stories)\.\w+$/.test(
    path,
  )
}

/** Files in `node_modules` as an earlier build met them. */
interface EarlierPackages {
  readonly files: PackageFiles
  /** Folder with their content, if it is still there. */
  readonly folder?: string
}

function earlierPackagesOf({ earlierPackages: folder, packageIndex }: BuildSnapshotOptions): EarlierPackages {
  const kept = folder === undefined ? undefined : readIndex(indexPath(folder))
  if (folder !== undefined && kept !== undefined) return { files: kept, folder }
  return { files: (packageIndex === undefined ? undefined : readIndex(packageIndex)) ?? new Map() }
}

/** Where the files in `node_modules` are kept; they are written only if they are not there yet. */
function packageSet(
  { packages, packagesAreKnown }: ModuleGraph,
  earlier: EarlierPackages,
  options: BuildSnapshotOptions,
): string | undefined {
  if (options.packages === undefined || packages.size === 0) return undefined
  if (packagesAreKnown && packages.size === earlier.files.size) return earlier.folder
  const folder = writePackageSet(options.packages, packages, earlier.folder)
  remember(folder, options.packageIndex)
  return folder
}

function remember(folder: string, index: string | undefined): void {
  if (index === undefined) return
  try {
    const temporary = `${index}.${process.pid}.tmp`
    copyFileSync(indexPath(folder), temporary)
    renameSync(temporary, index)
  } catch {
    // ENOSPC, EACCES: the next build takes as long as this one.
  }
}

type Frozen = Pick<Required<SnapshotManifest>, 'files' | 'outside'>

function freeze({ modules }: ModuleGraph, root: string, out: string): Frozen {
  const files: Record<string, SnapshotFile> = {}
  const outside: Record<string, SnapshotFile> = {}
  for (const [path, { bytes, code, loader, imports }] of modules) {
    const name = pathBelow(root, path)
    const place = name === undefined ? outside : files
    place[name ?? path] = {
      hash: store(out, bytes),
      ...(code !== undefined && { code: store(out, code) }),
      ...(loader !== undefined && { loader }),
      ...(Object.keys(imports).length > 0 && { imports }),
    }
  }
  return { files, outside }
}

/**
 * Keeps content under the name of its hash, which is returned. It appears in one step, so that a builder that is killed
 * or meets a full disk leaves no partial file under this name.
 */
function store(snapshot: string, content: string | Uint8Array): string {
  const hash = new Bun.CryptoHasher('sha256').update(content).digest('hex')
  const path = contentPath(snapshot, hash)
  if (existsSync(path)) return hash
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, content, { mode: 0o600 })
  renameSync(temporary, path)
  return hash
}
