import { readFileSync } from 'node:fs'
import type { Adapter, CompileResult } from './adapter.ts'
import { bunModule } from './bun-module.ts'
import { selectAdapter } from './select-adapter.ts'

export interface InstallOptions {
  /** Compiler of the files, by name or as an object. @default the compiler the project chose */
  readonly adapter?: string | Adapter
  /** Endings of the files to load through the compiler. @default ['.rip'] */
  readonly extensions?: readonly string[]
  /** Folder of the project; compilers are looked up from here. @default the working directory */
  readonly root?: string
}

/** One call of {@link install}: how files with its endings are loaded. */
interface Installation {
  readonly extensions: readonly string[]
  readonly adapter: Adapter
}

/** Bun has no way to take one plugin back, so one plugin asks for the newest installation of an ending. */
const installations: Installation[] = []
const pluggedExtensions = new Set<string>()

/**
 * Makes Bun load files of the language in this process: `import`, `require` and the entry point. Thrown
 * errors, `bun test` and coverage then name lines of the source. Disposing undoes it for modules that are
 * not loaded yet; the installation before it counts again.
 *
 * @throws {Error} When the compiler is unknown or not installed.
 */
export function install(options: InstallOptions = {}): Disposable {
  const { adapter, root, extensions = ['.rip'] } = options
  const installation: Installation = {
    extensions,
    adapter: typeof adapter === 'object' ? adapter : selectAdapter(adapter, root),
  }
  installations.push(installation)
  for (const extension of extensions) plug(extension)
  return { [Symbol.dispose]: () => remove(installation) }
}

function remove(installation: Installation): void {
  const at = installations.indexOf(installation)
  if (at !== -1) installations.splice(at, 1)
}

function plug(extension: string): void {
  if (pluggedExtensions.has(extension)) return
  pluggedExtensions.add(extension)
  Bun.plugin({
    name: `rip-transpile ${extension}`,
    setup(build) {
      build.onLoad({ filter: endingWith(extension) }, ({ path }) => load(path, extension))
    },
  })
}

function endingWith(extension: string): RegExp {
  return new RegExp(`${extension.replaceAll('.', '\\.')}$`)
}

interface LoadedModule {
  readonly contents: string
  readonly loader: 'js'
}

function load(path: string, extension: string): LoadedModule | Promise<LoadedModule> {
  const installation = installations.findLast((candidate) => candidate.extensions.includes(extension))
  if (!installation)
    throw new Error(`no compiler is installed for ${path}; call install() before importing it`)
  const source = readFileSync(path, 'utf8')
  const result = installation.adapter.compile(source, { filename: path, sourceMap: true })
  return result instanceof Promise ? result.then(toModule) : toModule(result)
}

/** A plain object where the compiler answered at once: `require` of a module needs it so. */
function toModule(result: CompileResult): LoadedModule {
  return { contents: bunModule(result), loader: 'js' }
}
