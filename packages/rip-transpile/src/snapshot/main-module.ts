import { extensionOf } from './posix-path.ts'
import { JAVASCRIPT_LOADERS } from './javascript-module.ts'

/** Exports of a module that a server calls. */
const HANDLERS: ReadonlySet<string> = new Set(['default', 'fetch', 'listener'])

/**
 * Makes a module the main one, as if Bun had been started with it: `import.meta.main`, `require.main`,
 * `process.mainModule` and `Bun.main` say so. A module that exports a handler and asks for `import.meta.main` is
 * spared: what it does as a program of its own, a server that calls the handler does in its place.
 *
 * @param path real path of the module
 */
export function becomeMain(path: string, contents: string): void {
  if (contents.includes('import.meta.main') && exportsHandler(path, contents)) return
  Reflect.set(Bun, 'main', path)
}

function exportsHandler(path: string, contents: string): boolean {
  const language = JAVASCRIPT_LOADERS[extensionOf(path) as keyof typeof JAVASCRIPT_LOADERS] ?? 'js'
  try {
    const loader = language === 'json' ? 'js' : language
    return new Bun.Transpiler({ loader }).scan(contents).exports.some((name) => HANDLERS.has(name))
  } catch {
    // Another language, which writes its exports alike.
    return /^export\s+(?:default|(?:const\s+)?(?:fetch|listener))\b/m.test(contents)
  }
}
