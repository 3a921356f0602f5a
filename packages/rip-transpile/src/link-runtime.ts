import { RUNTIME_MODULE } from './runtime/runtime-module.ts'

const IMPORT = /from (['"])@rip\/transpile\/runtime\1/g

let path: string | undefined

/**
 * Names the language's runtime by path, so that it is found from an application that does not have this
 * package among its own. Done when a module is loaded: kept code must not point into an installation that may
 * be gone by then.
 */
export function linkRuntime(code: string): string {
  if (!code.includes(RUNTIME_MODULE)) return code
  path ??= Bun.resolveSync(RUNTIME_MODULE, import.meta.dir)
  return code.replace(IMPORT, `from ${JSON.stringify(path)}`)
}
