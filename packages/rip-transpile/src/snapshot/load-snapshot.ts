import type { PackageFile } from '../graph/package-set.ts'
import { linkRuntime } from '../link-runtime.ts'
import { COMPILED_EXTENSIONS } from './compiled-extensions.ts'
import { withExactImports } from './exact-imports.ts'
import { dataModule, javascriptModule, JAVASCRIPT_LOADERS } from './javascript-module.ts'
import type { PluginModule } from './javascript-module.ts'
import type { PackageDifferences } from './kept-packages.ts'
import { becomeMain } from './main-module.ts'
import { contentPath, MANIFEST_VERSION, readManifest } from './manifest.ts'
import type { SnapshotFile, SnapshotManifest } from './manifest.ts'
import { extensionOf, pathBelow, pathFrom } from './posix-path.ts'
import { readText } from './read-text.ts'

export interface LoadSnapshotOptions {
  /** Loads a file to compile that the snapshot does not have. */
  compileFromDisk(path: string): PluginModule | Promise<PluginModule>
  /** Real path of the module to be the main one, see `becomeMain`. */
  readonly main?: string | undefined
  /** Called with one sentence that the operator should know. @default console.warn */
  readonly warn?: (message: string) => void
}

/**
 * Makes Bun load the application's modules from a snapshot in this process, whatever their files contain now. Files in
 * `node_modules` come from disk as long as they are what the snapshot was built with, and from its copies otherwise.
 * Modules that did not exist when the snapshot was taken come from disk: the application may write some itself.
 *
 * @throws {Error} When the folder holds no readable snapshot.
 */
export function loadSnapshot(folder: string, options: LoadSnapshotOptions): void {
  const manifest = readManifest(folder)
  const packages = differencesOf(manifest)
  tell(packages, options.warn ?? ((message) => console.warn(message)))
  const snapshot = new LoadedSnapshot(folder, manifest, packages, options.main)
  // Bun 1.4.5 asks only about specifiers that contain a dot after the folder, such as './a.ts'.
  plugIn(snapshot, /^(?:\.{1,2}\/|\/)/, options)
}

/**
 * Runs what loading a snapshot takes, without loading anything, because the first time in a process takes several times as
 * long as the next.
 */
export function rehearseSnapshot(): void {
  const root = `/nowhere-${crypto.randomUUID()}`
  const manifest: SnapshotManifest = { version: MANIFEST_VERSION, root, namedRoot: root, files: {} }
  const snapshot = new LoadedSnapshot(root, manifest, { replaced: new Map(), lost: [] }, undefined)
  const path = `${root}/index.ts`
  const module = javascriptModule(path, withExactImports('', path, undefined))
  plugIn(snapshot, new RegExp(`^${RegExp.escape(root)}/`), { compileFromDisk: () => module })
  snapshot.resolve('./index.ts', path)
  readText(import.meta.path)
}

/** @param specifiers those that the snapshot is asked about */
function plugIn(snapshot: LoadedSnapshot, specifiers: RegExp, options: LoadSnapshotOptions): void {
  Bun.plugin({
    name: `rip-transpile snapshot ${snapshot.generation ?? ''}`,
    setup(build) {
      build.onResolve({ filter: specifiers }, ({ path, importer }) => {
        const found = snapshot.resolve(path, importer)
        return found === undefined ? undefined : { path: found }
      })
      build.onLoad({ filter: modulesBelow(snapshot.root) }, ({ path }) => {
        return snapshot.load(path) ?? fromDisk(path, options)
      })
      const elsewhere = snapshot.pathsElsewhere
      if (elsewhere.length === 0) return
      build.onLoad({ filter: anyOf(elsewhere) }, ({ path }) => snapshot.load(path) ?? fromDisk(path, options))
    },
  })
}

const MODULE_ENDINGS: readonly string[] = [...COMPILED_EXTENSIONS, ...Object.keys(JAVASCRIPT_LOADERS)]

function modulesBelow(root: string): RegExp {
  const endings = MODULE_ENDINGS.map((extension) => RegExp.escape(extension)).join('|')
  return new RegExp(`^${RegExp.escape(root)}/(?!(?:.*/)?node_modules/).*(?:${endings})$`)
}

function anyOf(paths: readonly string[]): RegExp {
  return new RegExp(`^(?:${paths.map((path) => RegExp.escape(path)).join('|')})$`)
}

/** Bun requires an answer for every file the filter matches. */
function fromDisk(path: string, options: LoadSnapshotOptions): PluginModule | Promise<PluginModule> {
  if (COMPILED_EXTENSIONS.has(extensionOf(path))) return options.compileFromDisk(path)
  // Read, not mapped: the file may still change, and truncating a mapped file would end the process.
  return javascriptModule(path, process.getBuiltinModule('node:fs').readFileSync(path, 'utf8'))
}

/** Compares them only for an application that imports from `node_modules`, because that costs memory. */
function differencesOf({ packages }: SnapshotManifest): PackageDifferences {
  if (packages === undefined) return { replaced: new Map(), lost: [] }
  const neighbour = `./kept-packages${extensionOf(import.meta.path)}`
  const module = import.meta.require(neighbour) as typeof import('./kept-packages.ts')
  return module.packageDifferences(packages)
}

function tell({ replaced, lost }: PackageDifferences, warn: (message: string) => void): void {
  const [first] = replaced.keys()
  if (first !== undefined)
    warn(
      `${first}${more(replaced.size)} changed since this generation was built: its copies are loaded; reload to take the change in`,
    )
  if (lost[0] !== undefined)
    warn(
      `${lost[0]}${more(lost.length)} changed since this generation was built and has no copy: what is on disk is loaded`,
    )
}

function more(count: number): string {
  return count === 1 ? '' : ` and ${count - 1} more files`
}

class LoadedSnapshot {
  readonly #folder: string
  readonly #manifest: SnapshotManifest
  readonly #packages: ReadonlyMap<string, PackageFile>
  readonly #main: string | undefined

  constructor(
    folder: string,
    manifest: SnapshotManifest,
    { replaced }: PackageDifferences,
    main: string | undefined,
  ) {
    this.#folder = folder
    this.#manifest = manifest
    this.#packages = replaced
    this.#main = main
  }

  get generation(): string | undefined {
    return this.#manifest.generation
  }

  /** Real path of the application's folder. */
  get root(): string {
    return this.#manifest.root
  }

  /** Files that are loaded from the snapshot and are not modules below the root. */
  get pathsElsewhere(): readonly string[] {
    const { root, files, outside = {} } = this.#manifest
    const below = Object.entries(files)
      .filter(([name, { loader }]) => loader !== undefined && !MODULE_ENDINGS.includes(extensionOf(name)))
      .map(([name]) => `${root}/${name}`)
    return [...below, ...Object.keys(outside), ...this.#packages.keys()]
  }

  /** Path of a module of the snapshot, so that it is found even if its file is gone. */
  resolve(specifier: string, importer: string): string | undefined {
    const known = this.#find(importer)?.imports ?? this.#packages.get(importer)?.imports
    const path = (known && own(known, specifier)) ?? this.#inRoot(pathFrom(importer, specifier))
    return this.#find(path) || this.#packages.has(path) ? path : undefined
  }

  load(path: string): PluginModule | undefined {
    const file = this.#find(path)
    if (!file) return this.#loadPackageFile(path)
    const contents = readText(contentPath(this.#folder, file.code ?? file.hash))
    if (file.loader !== undefined) return dataModule(path, contents, file.loader)
    if (path === this.#main) becomeMain(path, contents)
    const exact = withExactImports(contents, path, file.imports)
    if (file.code === undefined) return javascriptModule(path, exact)
    return { contents: linkRuntime(exact, path), loader: 'js' }
  }

  #loadPackageFile(path: string): PluginModule | undefined {
    const file = this.#packages.get(path)
    if (!file) return undefined
    const contents = readText(`${this.#manifest.packages}/${file.hash}`)
    return javascriptModule(path, withExactImports(contents, path, file.imports))
  }

  /** The entry point may be named through a link such as `current`, which may lead to a newer release by now. */
  #inRoot(path: string): string {
    const { root, namedRoot } = this.#manifest
    return path.startsWith(`${namedRoot}/`) ? root + path.slice(namedRoot.length) : path
  }

  #find(path: string): SnapshotFile | undefined {
    const { root, files, outside } = this.#manifest
    const name = pathBelow(root, path)
    if (name !== undefined && Object.hasOwn(files, name)) return files[name]
    return outside && own(outside, path)
  }
}

function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}
