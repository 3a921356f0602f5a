import { cacheFolder } from './cache-folder.ts'
import { CompileCache } from './compile-cache.ts'

/** The cache this user's processes share; `undefined` when it is off. */
export function openCache(env?: Readonly<NodeJS.ProcessEnv>): CompileCache | undefined {
  const folder = cacheFolder(env)
  return folder === undefined ? undefined : new CompileCache({ folder })
}
