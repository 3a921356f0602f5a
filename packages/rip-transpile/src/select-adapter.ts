import type { Adapter } from './adapter.ts'
import { civetAdapter } from './adapters/civet.ts'
import { coffeescriptAdapter } from './adapters/coffeescript.ts'
import { ripAdapter } from './adapters/rip.ts'
import { ripLangAdapter } from './adapters/rip-lang.ts'
import { projectCompiler } from './project-compiler.ts'

/** Names of the compilers this package can drive. */
export type AdapterName = 'rip' | 'rip-lang' | 'coffeescript' | 'civet'

/** Compiler of `.rip` files where a project names none. */
export const DEFAULT_ADAPTER: AdapterName = 'rip'

export interface SelectAdapterOptions {
  /** @default the project's choice for `.rip` files, the language's own compiler for others */
  readonly name?: string | undefined
  /**
   * Folder of the project, where compilers that are not part of this package are looked up.
   *
   * @default the working directory
   */
  readonly root?: string | undefined
  /** Ending of the files to compile. @default '.rip' */
  readonly extension?: string | undefined
}

const factories: Readonly<Record<AdapterName, (root: string) => Adapter>> = {
  rip: ripAdapter,
  'rip-lang': ripLangAdapter,
  coffeescript: coffeescriptAdapter,
  civet: civetAdapter,
}

/** Languages that have one compiler only. */
const compilerOfExtension: Readonly<Record<string, AdapterName>> = {
  '.coffee': 'coffeescript',
  '.litcoffee': 'coffeescript',
  '.civet': 'civet',
}

/**
 * The compiler for a project's files.
 *
 * @throws {Error} When no compiler has the name, or it is not installed in the project.
 */
export function selectAdapter(options: SelectAdapterOptions = {}): Adapter {
  const { root = process.cwd(), extension = '.rip' } = options
  const name = options.name ?? compilerOfExtension[extension] ?? projectCompiler(root) ?? DEFAULT_ADAPTER
  if (!isAdapterName(name)) throw unknownAdapter(name)
  return factories[name](root)
}

function isAdapterName(name: string): name is AdapterName {
  return Object.hasOwn(factories, name)
}

function unknownAdapter(name: string): Error {
  const known = Object.keys(factories).join(', ')
  return new Error(`there is no compiler named '${name}'; choose one of ${known}`)
}
