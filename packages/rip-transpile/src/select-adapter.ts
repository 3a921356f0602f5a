import { fileURLToPath } from 'node:url'
import type { Adapter } from './adapter.ts'
import { coffeescriptAdapter } from './adapters/coffeescript.ts'

/** Names of the compilers this package can drive. */
export type AdapterName = 'coffeescript'

/** Compiler of `.rip` files where a project names none. */
export const DEFAULT_ADAPTER: AdapterName = 'coffeescript'

const OWN_FOLDER = fileURLToPath(new URL('..', import.meta.url))

const factories: Readonly<Record<AdapterName, (from: string) => Adapter>> = {
  coffeescript: () => coffeescriptAdapter(OWN_FOLDER),
}

/**
 * The compiler of that name.
 *
 * @param root Folder of the project, where compilers that are not part of this package are looked up.
 * @throws {Error} When no compiler has that name, or it is not installed in the project.
 */
export function selectAdapter(name: string = DEFAULT_ADAPTER, root: string = process.cwd()): Adapter {
  const factory = factories[name as AdapterName]
  if (!Object.hasOwn(factories, name)) throw unknownAdapter(name)
  return factory(root)
}

function unknownAdapter(name: string): Error {
  return new Error(`there is no compiler named '${name}'; choose one of ${Object.keys(factories).join(', ')}`)
}
