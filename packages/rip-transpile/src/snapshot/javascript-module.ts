import type { DataLoader } from '../graph/data-loaders.ts'
import { dataOf } from './data-module.ts'
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

/** The result of a Bun plugin for a module. */
export type PluginModule =
  | { readonly contents: string; readonly loader: Language }
  | { readonly exports: Record<string, unknown>; readonly loader: 'object' }

/** A module in a language Bun knows, from given content instead of from its file. */
export function javascriptModule(path: string, contents: string): PluginModule {
  const loader = JAVASCRIPT_LOADERS[extensionOf(path) as keyof typeof JAVASCRIPT_LOADERS]
  if (loader === 'json') return dataModule(path, contents, loader)
  if (isCommonjs(path, contents, loader)) return commonjsModule(path, contents, loader)
  return { contents, loader }
}

/** A data file, from given content instead of from its file. */
export function dataModule(path: string, contents: string, loader: DataLoader): PluginModule {
  return withDefault(dataOf(path, contents, loader))
}

/**
 * Bun takes neither JSON nor CommonJS from a plugin as text, so their value is handed over. `__esModule`
 * makes `require` answer the default export alone.
 */
function withDefault(value: unknown): Extract<PluginModule, { readonly loader: 'object' }> {
  const named = typeof value === 'object' || typeof value === 'function' ? { ...value } : {}
  return { exports: { ...named, default: value, __esModule: true }, loader: 'object' }
}

/** Names that only CommonJS has. */
const COMMONJS_NAMES = /(?<![.\w$])(?:require|module|exports|__filename|__dirname)\b/

/** What only modules have, or may have outside of functions. */
const MAY_BE_MODULE = /\b(?:await|import\.meta)\b/

/** Decides as Bun does: by the ending, else by the syntax of modules, else by the names that only CommonJS has. */
export function isCommonjs(path: string, contents: string, language: Language): boolean {
  if (/\.[cm][jt]s$/.test(path)) return /\.c[jt]s$/.test(path)
  return COMMONJS_NAMES.test(contents) && !isModuleSyntax(contents, language)
}

function isModuleSyntax(contents: string, loader: Language): boolean {
  try {
    const { imports, exports } = new Bun.Transpiler({ loader }).scan(contents)
    if (exports.length > 0 || imports.some(({ kind }) => kind === 'import-statement')) return true
    return MAY_BE_MODULE.test(contents) && !isFunctionBody(plainCode(contents, loader))
  } catch {
    // Not JavaScript: loaded as a module, Bun reports it with its place.
    return true
  }
}

/**
 * `import.meta`, and `await` outside of a function, make a module of a file without imports, unless they are words of a
 * comment or a string.
 */
function isFunctionBody(code: string): boolean {
  try {
    process.getBuiltinModule('node:vm').compileFunction(code)
    return true
  } catch {
    return false
  }
}

function plainCode(contents: string, language: Language): string {
  if (language !== 'js') return new Bun.Transpiler({ loader: language }).transformSync(contents)
  return contents.replace(/^\uFEFF?(?:#!)?/, (start) => (start.endsWith('#!') ? '//' : ''))
}

/** What Bun keeps in `require.cache`. */
interface CommonjsModule extends NodeModule {
  /** Runs code as the body of this module. */
  _compile(code: string, path: string): void
}

/**
 * `require` of a module leaves its entry in the cache before the loader is asked; a cycle meets what is exported so
 * far.
 */
const evaluated = new WeakSet<CommonjsModule>()

function commonjsModule(path: string, contents: string, language: Language): PluginModule {
  // Loaded here, because it would cost megabytes in each process that loads no such module.
  const { createRequire, Module } = process.getBuiltinModule('node:module')
  const { cache } = createRequire(path)
  const entry = cache[path] as CommonjsModule | undefined
  if (entry !== undefined && evaluated.has(entry)) return importedCommonjs(entry.exports)
  const module = entry ?? (new Module(path) as CommonjsModule)
  module.filename = path
  cache[path] = module
  evaluated.add(module)
  try {
    module._compile(withThis(plainCode(contents, language)), path)
    module.loaded = true
  } catch (error) {
    delete cache[path]
    throw error
  }
  if (entry === undefined) return importedCommonjs(module.exports)
  return { exports: { default: module.exports, __esModule: true }, loader: 'object' }
}

/** Bun's `_compile` leaves `this` undefined; for a module it is what it exports. Lines stay where they are. */
function withThis(code: string): string {
  return `(function (exports, require, module, __filename, __dirname) {${code}\n}).apply(exports, arguments)`
}

/** As Bun's `import` sees it: what was compiled from a module has a default export of its own. */
function importedCommonjs(value: unknown): PluginModule {
  const { exports, loader } = withDefault(value)
  const isCompiled = Object(value).__esModule === true && 'default' in Object(value)
  return { exports: isCompiled ? { ...exports, default: Object(value).default } : exports, loader }
}
