import type { Application, NodeListener } from './application.ts'

type AnyFunction = (...values: never[]) => unknown
type Exports = Readonly<Record<string, unknown>>

/** The server entry of Astro's adapter for Node.js exports these beside its `handler`. */
const ASTRO = ['options', 'startServer'] as const

/** `(req, res`, with whatever stands before: `async`, `function`, the name of a method. */
const NODE_PARAMETERS = /^[^(]*\(\s*_*req(?:uest)?\s*,\s*_*res(?:ponse)?\b/

/**
 * The handler in what the build of a framework exports for another server: a `handler` of Astro or SvelteKit for
 * Node.js, or the `getHandler()` of SvelteKit for Bun. A `handler` of serverless functions, `(event, context)`, is none.
 */
export function handlerOfBuild(exports: Exports): Application | undefined {
  const { handler, getHandler } = exports
  const isOfAstro = ASTRO.every((name) => name in exports)
  if (isFunction(handler) && (isOfAstro || isNodeListener(handler)))
    return { listener: handler as unknown as NodeListener }
  const isAlone = Object.keys(exports).length === 1
  return isAlone && isFunction(getHandler) && getHandler.length === 0 ? madeBy(getHandler) : undefined
}

/** Whether the first two parameters of a function have the names that those of `node:http` listeners have. */
export function isNodeListener(value: AnyFunction): boolean {
  return value.length >= 2 && NODE_PARAMETERS.test(Function.prototype.toString.call(value))
}

function madeBy(getHandler: AnyFunction): Application | undefined {
  const { fetch, websocket } = ((getHandler as () => unknown)() ?? {}) as Partial<Application>
  if (!isFunction(fetch)) return undefined
  return { fetch, ...(typeof websocket === 'object' && websocket !== null && { websocket }) }
}

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === 'function'
}
