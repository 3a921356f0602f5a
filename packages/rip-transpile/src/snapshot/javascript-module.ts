import { extensionOf } from './posix-path.ts'

/** Bun's name for the language of a file, by ending. */
export const JAVASCRIPT_LOADERS = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
  '.json': 'json',
} as const

type Language = 'js' | 'jsx' | 'ts' | 'tsx'

/** What a Bun plugin answers for a module. */
export type PluginModule =
  | { readonly contents: string; readonly loader: Language }
  | { readonly exports: Record<string, unknown>; readonly loader: 'object' }

/** A module in a language Bun knows, from given content instead of from its file. */
export function javascriptModule(path: string, contents: string): PluginModule {
  const loader = JAVASCRIPT_LOADERS[extensionOf(path) as keyof typeof JAVASCRIPT_LOADERS]
  if (loader === 'json') return withDefault(parseJson(path, contents))
  if (isCommonjs(path, contents, loader)) return withDefault(runCommonjs(path, contents, loader))
  return { contents, loader }
}

function parseJson(path: string, contents: string): unknown {
  try {
    return JSON.parse(contents)
  } catch (cause) {
    throw new SyntaxError(`${path} is not valid JSON: ${(cause as Error).message}`, { cause })
  }
}

/**
 * Bun takes neither JSON nor CommonJS from a plugin as text, so their value is handed over. `__esModule`
 * makes `require` answer the default export alone.
 */
function withDefault(value: unknown): PluginModule {
  const named = typeof value === 'object' || typeof value === 'function' ? { ...value } : {}
  return { exports: { ...named, default: value, __esModule: true }, loader: 'object' }
}

function isCommonjs(path: string, contents: string, loader: Language): boolean {
  if (/\.[cm][jt]s$/.test(path)) return /\.c[jt]s$/.test(path)
  return /\bmodule\.exports\b|\bexports\.\w/.test(contents) && !isModuleSyntax(contents, loader)
}

function isModuleSyntax(contents: string, loader: Language): boolean {
  try {
    const { imports, exports } = new Bun.Transpiler({ loader }).scan(contents)
    return exports.length > 0 || imports.some(({ kind }) => kind === 'import-statement')
  } catch {
    // Not JavaScript: loaded as a module, Bun reports it with its place.
    return true
  }
}

interface CommonjsModule {
  readonly id: string
  readonly filename: string
  exports: unknown
}

function runCommonjs(path: string, contents: string, loader: Language): unknown {
  const code = loader === 'js' ? contents : new Bun.Transpiler({ loader }).transformSync(contents)
  const module: CommonjsModule = { id: path, filename: path, exports: {} }
  const names = ['exports', 'require', 'module', '__filename', '__dirname']
  // Megabytes for each process that loads no such module would be too much.
  const { createRequire } = process.getBuiltinModule('node:module')
  const { dirname } = process.getBuiltinModule('node:path')
  const { compileFunction } = process.getBuiltinModule('node:vm')
  const run = compileFunction(code, names, { filename: path }) as (...values: unknown[]) => void
  run.call(module.exports, module.exports, createRequire(path), module, path, dirname(path))
  return module.exports
}
