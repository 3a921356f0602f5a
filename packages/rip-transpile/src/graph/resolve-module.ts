import { realpathSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname } from 'node:path'
import { RUNTIME_MODULE } from '../runtime/runtime-module.ts'

export interface ResolveOptions {
  /** Absolute path of the module that names the other one. */
  readonly importer: string
  /** The importer is CommonJS: packages may answer it with another file. */
  readonly commonjs: boolean
}

/** Real path of the file a specifier means, as Bun finds it; `undefined` when there is none or it is no file. */
export function resolveModule(specifier: string, options: ResolveOptions): string | undefined {
  if (isElsewhere(specifier)) return undefined
  const [plain = ''] = specifier.split('?')
  return lookUp(plain, options) ?? lookUp(plain, { ...options, commonjs: !options.commonjs })
}

function lookUp(specifier: string, { importer, commonjs }: ResolveOptions): string | undefined {
  try {
    const found = commonjs
      ? createRequire(importer).resolve(specifier)
      : Bun.resolveSync(specifier, dirname(importer))
    return found.startsWith('/') ? realpathSync(found) : undefined
  } catch {
    // Optional, put there by a plugin, or missing: whoever loads the importer knows.
    return undefined
  }
}

/** Built in, on another machine, or the language's runtime, which belongs to this package. */
function isElsewhere(specifier: string): boolean {
  if (specifier === RUNTIME_MODULE || specifier === 'bun' || isBuiltin(specifier)) return true
  return /^(?!file:)[a-z][a-z\d+.-]*:/i.test(specifier)
}
