import { createRequire, isBuiltin } from 'node:module'
import { dirname } from 'node:path'
import { RUNTIME_MODULE } from '../runtime/runtime-module.ts'
import { SCHEMA_MODULE } from '../runtime/schema-module.ts'

export interface ResolveOptions {
  /** Absolute path of the module that names the other one. */
  readonly importer: string
  /** Whether the importer is CommonJS, for which packages may have another file. */
  readonly commonjs: boolean
}

/** Resolves specifiers, each once for all files of a folder. */
export class Resolver {
  readonly #found = new Map<string, string | undefined>()

  /** See {@link resolveModule}. */
  resolve(specifier: string, options: ResolveOptions): string | undefined {
    const key = `${dirname(options.importer)}\0${options.commonjs}\0${specifier}`
    if (this.#found.has(key)) return this.#found.get(key)
    const path = resolveModule(specifier, options)
    this.#found.set(key, path)
    return path
  }
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
    // Bun answers with the real path.
    return found.startsWith('/') ? found : undefined
  } catch {
    // The module is optional, provided by a plugin, or missing: loading the importer shows which.
    return undefined
  }
}

/** Whether the specifier is built in, a URL, or a runtime of the language, which comes with this package. */
function isElsewhere(specifier: string): boolean {
  if (specifier === RUNTIME_MODULE || specifier === SCHEMA_MODULE) return true
  if (specifier === 'bun' || isBuiltin(specifier)) return true
  return /^(?!file:)[a-z][a-z\d+.-]*:/i.test(specifier)
}
