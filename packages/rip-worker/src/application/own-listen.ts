import { nodeListenerOf } from './resolve-application.ts'

/** An application of `node:http` with a `listen` of its own. */
export interface ListeningApplication {
  listen(port: number): unknown
}

/**
 * Whether an application of Express, Connect or Koa has another `listen` than that of its framework: `express-ws`,
 * `koa-websocket` and Feathers replace it, and do there what they add to the server.
 */
export function hasOwnListen(main: unknown): main is ListeningApplication {
  if (nodeListenerOf(main) === undefined) return false
  const { listen } = main as { readonly listen: (...values: never[]) => unknown }
  // Express and Connect copy theirs into the function that they export; Koa's is in its class.
  if (typeof main === 'object') return Object.hasOwn(main as object, 'listen')
  return !/\bcreateServer\(this\b/.test(Function.prototype.toString.call(listen))
}
