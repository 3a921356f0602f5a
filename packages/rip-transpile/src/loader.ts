import type { Adapter } from './adapter.ts'
import { DEFAULT_EXTENSIONS } from './defaults.ts'
import type { DiskLoader, DiskLoaderOptions } from './disk-loader.ts'
import { JAVASCRIPT_LOADERS, type PluginModule } from './snapshot/javascript-module.ts'
import { extensionOf, pathBelow } from './snapshot/posix-path.ts'
import { loadSnapshot } from './snapshot/load-snapshot.ts'
import { becomeMain } from './snapshot/main-module.ts'
import { contentPath, readManifest, type SnapshotFile } from './snapshot/manifest.ts'
import { readText } from './snapshot/read-text.ts'
import { preloadThreads } from './snapshot/thread-modules.ts'

export interface InstallOptions {
  /**
   * Compiler of the files, by name or as an object.
   * @default the one the project chose, or for endings of another language that language's
   */
  readonly adapter?: string | Adapter
  /** Endings of the files to load through a compiler. @default ['.rip'] */
  readonly extensions?: readonly string[]
  /** Folder of the project; compilers are looked up from here. @default the working directory */
  readonly root?: string
  /** Folder of a snapshot that the project's modules are loaded from instead of their files. */
  readonly snapshot?: string
  /**
   * File of the program, which takes itself for the main module: `import.meta.main` and `require.main` say so. One that
   * exports a handler and guards other things by `import.meta.main` does not.
   * @default what the process was started with
   */
  readonly main?: string
  /** Keep compiled code for other processes; the environment's `RIP_CACHE=off` wins. @default true */
  readonly cache?: boolean
}

export { rehearseSnapshot } from './snapshot/load-snapshot.ts'

/** Tells, by its absolute path, whether a file is a module of a snapshot. */
export function isInSnapshot(snapshot: string, file: string): boolean {
  const { root, files } = readManifest(snapshot)
  const name = pathBelow(root, file)
  return name !== undefined && Object.hasOwn(files, name)
}

/** The text of a JavaScript or TypeScript module, compiled or not, and its language. */
export interface ModuleCode {
  readonly code: string
  readonly loader: 'js' | 'jsx' | 'ts' | 'tsx'
}

/**
 * What a module is loaded from, by its absolute path: the snapshot, else the file on disk; `undefined` when it has to be
 * compiled first.
 */
export function codeOf(file: string, snapshot: string | undefined): ModuleCode | undefined {
  const loader = JAVASCRIPT_LOADERS[extensionOf(file) as keyof typeof JAVASCRIPT_LOADERS]
  const frozen = snapshot === undefined ? undefined : frozenFile(snapshot, file)
  if (snapshot === undefined || frozen === undefined) {
    if (loader === undefined || loader === 'json') return undefined
    return { code: process.getBuiltinModule('node:fs').readFileSync(file, 'utf8'), loader }
  }
  const code = readText(contentPath(snapshot, frozen.code ?? frozen.hash))
  if (frozen.code !== undefined) return { code, loader: 'js' }
  return loader === undefined || loader === 'json' ? undefined : { code, loader }
}

function frozenFile(snapshot: string, file: string): SnapshotFile | undefined {
  const { root, files, outside } = readManifest(snapshot)
  return files[pathBelow(root, file) ?? ''] ?? outside?.[file]
}

/** How the files with one ending are loaded. */
interface Installation {
  readonly extension: string
  readonly loader: () => DiskLoader
}

/** Bun cannot remove a single plugin, so one plugin for each ending uses the newest installation. */
const installations: Installation[] = []
const pluggedExtensions = new Set<string>()

/**
 * Makes Bun load files of the language in this process: `import`, `require` and the entry point. Thrown
 * errors, `bun test` and coverage then name lines of the source. Disposing undoes it for modules that are
 * not loaded yet; the installation before it counts again. A snapshot stays until the process ends.
 *
 * @throws {Error} When the compiler is unknown or not installed, or the snapshot cannot be read.
 */
export function install(options: InstallOptions = {}): Disposable {
  const { extensions = DEFAULT_EXTENSIONS, adapter, root, cache } = options
  const added = extensions.map((extension) => ({
    extension,
    loader: once(() => diskLoader({ extension, adapter, root, cache })),
  }))
  if (options.snapshot === undefined) {
    for (const { loader } of added) loader()
    if (options.main !== undefined) becomeMainFromDisk(options.main)
  } else {
    // Before the compilers, because the first plugin that knows a file wins, and a process with a snapshot may need no
    // compiler.
    loadSnapshot(options.snapshot, { compileFromDisk: load, main: options.main })
    preloadThreads(`${import.meta.dir}/register${extensionOf(import.meta.path)}`)
  }
  installations.push(...added)
  for (const extension of extensions) plug(extension)
  return { [Symbol.dispose]: () => remove(added) }
}

/** Does nothing for a file that does not exist: importing it reports that. */
function becomeMainFromDisk(file: string): void {
  const { existsSync, readFileSync, realpathSync } = process.getBuiltinModule('node:fs')
  if (existsSync(file)) becomeMain(realpathSync(file), readFileSync(file, 'utf8'))
}

/**
 * Compilers and their cache cost a process that runs from a snapshot megabytes, so they are loaded with the first file
 * that needs them; synchronously, because `require` cannot wait. The neighbour has the same ending as this module.
 */
function diskLoader(options: DiskLoaderOptions): DiskLoader {
  const neighbour = `./disk-loader${extensionOf(import.meta.path)}`
  const module = import.meta.require(neighbour) as typeof import('./disk-loader.ts')
  return module.diskLoader(options)
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

function remove(added: readonly Installation[]): void {
  for (const installation of added) {
    const at = installations.indexOf(installation)
    if (at !== -1) installations.splice(at, 1)
  }
}

function plug(extension: string): void {
  if (pluggedExtensions.has(extension)) return
  pluggedExtensions.add(extension)
  Bun.plugin({
    name: `rip-transpile ${extension}`,
    setup(build) {
      build.onLoad({ filter: new RegExp(`${RegExp.escape(extension)}$`) }, ({ path }) => load(path))
    },
  })
}

function load(path: string): PluginModule | Promise<PluginModule> {
  const extension = extensionOf(path)
  const installation = installations.findLast((candidate) => candidate.extension === extension)
  if (!installation)
    throw new Error(`no compiler is installed for ${path}; call install() before importing it`)
  return installation.loader()(path)
}
