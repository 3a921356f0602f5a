import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { Adapter, CompileResult } from './adapter.ts'
import { bunModule } from './bun-module.ts'
import { cachedAdapter } from './cache/cached-adapter.ts'
import { openCache } from './cache/open-cache.ts'
import { DEFAULT_EXTENSIONS } from './defaults.ts'
import { linkRuntime } from './link-runtime.ts'
import { selectAdapter } from './select-adapter.ts'
import { loadSnapshot } from './snapshot/load-snapshot.ts'

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
  /** Keep compiled code for other processes; the environment's `RIP_CACHE=off` wins. @default true */
  readonly cache?: boolean
}

/** How the files with one ending are loaded. */
interface Installation {
  readonly extension: string
  readonly adapter: () => Adapter
}

/** Bun has no way to take one plugin back, so one plugin asks for the newest installation of its ending. */
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
  const { extensions = DEFAULT_EXTENSIONS } = options
  const added = extensions.map((extension) => ({
    extension,
    adapter: once(() => adapterFor(extension, options)),
  }))
  if (options.snapshot === undefined) {
    for (const { adapter } of added) adapter()
  } else {
    // The first plugin that knows a file wins, and a process that runs from a snapshot may need no compiler.
    loadSnapshot(options.snapshot, { compileFromDisk: load })
  }
  installations.push(...added)
  for (const extension of extensions) plug(extension)
  return { [Symbol.dispose]: () => remove(added) }
}

function adapterFor(extension: string, options: InstallOptions): Adapter {
  const { adapter, root } = options
  const chosen = typeof adapter === 'object' ? adapter : selectAdapter({ name: adapter, root, extension })
  const cache = options.cache === false ? undefined : openCache()
  return cache ? cachedAdapter(chosen, cache) : chosen
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

interface LoadedModule {
  readonly contents: string
  readonly loader: 'js'
}

function load(path: string): LoadedModule | Promise<LoadedModule> {
  const extension = extname(path)
  const installation = installations.findLast((candidate) => candidate.extension === extension)
  if (!installation)
    throw new Error(`no compiler is installed for ${path}; call install() before importing it`)
  const source = readFileSync(path, 'utf8')
  const result = installation.adapter().compile(source, { filename: path, sourceMap: true })
  return result instanceof Promise ? result.then(toModule) : toModule(result)
}

/** A plain object where the compiler answered at once: `require` of a module needs it so. */
function toModule(result: CompileResult): LoadedModule {
  return { contents: linkRuntime(bunModule(result)), loader: 'js' }
}
