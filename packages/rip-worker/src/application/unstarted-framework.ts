/** The framework whose `start` may be named without being called, and its function that gives the handler. */
const FRAMEWORK = '@rip-lang/server'

type Handler = (...values: never[]) => unknown

/**
 * The handler of `@rip-lang/server` 3 for an application that has only defined routes: as on the framework's own
 * server, a bare `start`, or none at all, counts as started. Looks for the framework only if the application has loaded
 * it.
 *
 * @param file of the application
 */
export async function handlerOfUnstartedFramework(file: string): Promise<Handler | undefined> {
  const path = loadedFramework(file)
  if (path === undefined) return undefined
  const { startHandler } = (await import(path)) as { readonly startHandler?: unknown }
  const handler: unknown = typeof startHandler === 'function' ? (startHandler as () => unknown)() : undefined
  return typeof handler === 'function' ? (handler as Handler) : undefined
}

function loadedFramework(file: string): string | undefined {
  try {
    const path = Bun.resolveSync(FRAMEWORK, file.slice(0, file.lastIndexOf('/')) || '/')
    return path in process.getBuiltinModule('node:module').createRequire(file).cache ? path : undefined
  } catch {
    // It is not installed.
    return undefined
  }
}
