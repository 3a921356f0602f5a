import type { Server } from 'node:http'
import { WorkerError } from '../errors.ts'
import { handlerOfBuild, isNodeListener } from './build-exports.ts'
import { handlerOfReactRouter } from './react-router-build.ts'
import { handlerOfUnstartedFramework } from './unstarted-framework.ts'
import type {
  Application,
  CloseHook,
  ErrorHandler,
  Handler,
  NodeListener,
  ReadyHook,
  ResumeHook,
  Routes,
  StandbyHook,
  WebSocketHandlers,
} from './application.ts'

/**
 * Where a framework leaves its handler (a function, or an object with `fetch`) when the application calls
 * something like `start()` instead of exporting one: `globalThis[Symbol.for('rip.handler')]`.
 */
export const HANDLER_SYMBOL: symbol = Symbol.for('rip.handler')

/** Where `start()` of `@rip-lang/server` 3 leaves its handler, if `WORKER_ID` is in the environment. */
const RIP_LANG_HANDLER = '__ripHandler'

/** Also what `start()` looks like in a framework that gives its handler to its own server only. */
const NOTHING_EXPORTED = 'it exports nothing, opens no server, and no framework left a handler'

type AnyFunction = (...values: never[]) => unknown
type Exports = Readonly<Record<string, unknown>>

/**
 * Finds the handler in the exports of a module, in this order: default function, `default.fetch`, named
 * `fetch`, `default.handler`, a listener of `node:http`, the handler left on {@link HANDLER_SYMBOL}, what builds of
 * frameworks export.
 *
 * @throws WorkerError `RIP_APP_NO_HANDLER`, naming what was found instead.
 */
export async function resolveApplication(exports: Exports, file: string): Promise<Application> {
  const application = await findApplication(exports, file)
  if (application !== undefined) return application
  const main = await exports['default']
  const { mainGuardOf } = await import('./main-guard.ts')
  const guarded = mainGuardOf(file) === 'spared'
  const found = describe(main, exports)
  throw new WorkerError('RIP_APP_NO_HANDLER', { file, found, guarded, empty: found === NOTHING_EXPORTED })
}

/**
 * Like {@link resolveApplication}, but `undefined` when there is no handler.
 *
 * @param file of the application; without it, only what the module exports to be served counts
 */
export async function findApplication(exports: Exports, file?: string): Promise<Application | undefined> {
  const main = await exports['default']
  const answering =
    findHandler(main, exports) ?? handlerLeftByFramework() ?? (await handlerOfFramework(exports, file))
  if (answering === undefined) return undefined
  return { ...answering, ...serverOptionsOf(main, exports), ...hooksOf(exports, answering.ready) }
}

function findHandler(main: unknown, exports: Exports): Application | undefined {
  if (isFunction(main) && !isNodeApplication(main) && !isClass(main)) return answeredBy(main)
  const fetch = methodOf(main, 'fetch') ?? exports['fetch']
  if (isFunction(fetch) && awaitsServer(main)) return { fetch: withServer(fetch as Handler, main) }
  if (isFunction(fetch)) return { fetch: fetch as Handler }
  const handler = methodOf(main, 'handler')
  if (handler !== undefined && isMethodOfNode(main, handler)) return { listener: handler as NodeListener }
  if (handler !== undefined) return { fetch: handler as Handler }
  if (isNodeServer(main)) return { nodeServer: main }
  const fastify = fastifyServerOf(main)
  if (fastify !== undefined) return fastify
  const listener = nodeListenerOf(main) ?? exports['listener']
  if (isFunction(listener)) return { listener: listener as NodeListener }
  return isPlainObject(main) && isPlainObject(main['routes']) ? { fetch: notFound } : undefined
}

/** A function is called in the style it is written in. */
function answeredBy(main: AnyFunction): Application {
  return isNodeListener(main) ? { listener: main as NodeListener } : { fetch: main as Handler }
}

/** Polka and its like, whose `handler` has two parameters or more, listen themselves. */
function isMethodOfNode(main: unknown, handler: AnyFunction): boolean {
  if (isNodeListener(propertyOf(main, 'handler') as AnyFunction)) return true
  return handler.length >= 2 && methodOf(main, 'listen') !== undefined
}

/** Elysia passes its own `server` to handlers, and has none until it listens. */
function awaitsServer(main: unknown): main is { server: unknown } {
  return isObject(main) && !isPlainObject(main) && main['server'] === null
}

function withServer(fetch: Handler, application: { server: unknown }): Handler {
  return (request, context, executionContext) => {
    application.server = context
    return fetch(request, context, executionContext)
  }
}

function handlerLeftByFramework(): Application | undefined {
  const globals = globalThis as Record<symbol | string, unknown>
  const left = globals[HANDLER_SYMBOL] ?? globals[RIP_LANG_HANDLER]
  if (isFunction(left)) return { fetch: left as Handler }
  const fetch = methodOf(left, 'fetch')
  return fetch === undefined ? undefined : { fetch: fetch as Handler }
}

async function handlerOfFramework(exports: Exports, file?: string): Promise<Application | undefined> {
  if (file === undefined) return undefined
  const router = await handlerOfReactRouter(exports, file)
  if (router !== undefined) return { fetch: router }
  const exported = exportedBy(exports)
  if (Object.keys(exported).length > 0) return handlerOfBuild(exported)
  const fetch = await handlerOfUnstartedFramework(file)
  return fetch && { fetch: fetch as Handler }
}

/** Express and Connect export a function with `handle`, Koa an object with `callback`. */
export function nodeListenerOf(main: unknown): AnyFunction | undefined {
  if (isFunction(main)) return isNodeApplication(main) ? main : undefined
  const callback = methodOf(main, 'callback')
  if (callback !== undefined && methodOf(main, 'listen') !== undefined)
    return (callback as () => AnyFunction)()
  return undefined
}

/** Fastify exports an object with its server in it; `ready()` loads its plugins. */
function fastifyServerOf(main: unknown): Application | undefined {
  const server = propertyOf(main, 'server')
  const ready = methodOf(main, 'ready')
  if (methodOf(main, 'routing') === undefined || ready === undefined || !isNodeServer(server))
    return undefined
  return { nodeServer: server, ready: () => ready() }
}

/** An `http.Server` that handles requests; recognised by its methods, because loading `node:http` costs memory. */
function isNodeServer(main: unknown): main is Server {
  const listenerCount = methodOf(main, 'listenerCount')
  if (isFunction(main) || listenerCount === undefined || methodOf(main, 'closeAllConnections') === undefined)
    return false
  return (listenerCount as (event: string) => number)('request') > 0
}

function isNodeApplication(main: AnyFunction): boolean {
  return methodOf(main, 'listen') !== undefined && methodOf(main, 'handle') !== undefined
}

/**
 * `routes` and `error` mean Bun's options on a plain object only: frameworks have methods and lists of the
 * same names on their instances.
 */
function serverOptionsOf(main: unknown, exports: Exports): Application {
  const websocket = propertyOf(main, 'websocket') ?? exports['websocket']
  const options = isPlainObject(main) ? main : {}
  return {
    ...(isObject(websocket) && { websocket: websocket as WebSocketHandlers }),
    ...(isPlainObject(options['routes']) && { routes: options['routes'] as Routes }),
    ...(isFunction(options['error']) && { error: options['error'].bind(main) as ErrorHandler }),
  }
}

/** `first` is what a framework has to do before the application's own `ready()`. */
export function hooksOf(exports: Exports, first?: ReadyHook): Application {
  const { ready, standby, resume, close } = exports
  const own = isFunction(ready) ? (ready as ReadyHook) : undefined
  return {
    ...(own && { ready: first === undefined ? own : async () => (await first(), own()) }),
    ...(isFunction(standby) && { standby: standby as StandbyHook }),
    ...(isFunction(resume) && { resume: resume as ResumeHook }),
    ...(isFunction(close) && { close: close as CloseHook }),
  }
}

function notFound(): Response {
  return new Response('Not Found\n', { status: 404 })
}

/** What a module itself exports: for CommonJS that exports nothing, Bun adds an empty object and a mark. */
export function exportedBy(exports: Exports): Exports {
  const named = Object.entries(exports).filter(([name, value]) => name !== '__esModule' && !isEmpty(value))
  return Object.fromEntries(named)
}

function isEmpty(value: unknown): boolean {
  return isPlainObject(value) && Object.keys(value).length === 0
}

function describe(main: unknown, exports: Exports): string {
  const exported = Object.keys(exportedBy(exports))
  const isWritten = 'default' in exports && !('__esModule' in exports)
  if (exported.length === 0 && !isWritten) return NOTHING_EXPORTED
  const names = exported.filter((name) => name !== 'default')
  const others = names.length === 0 ? '' : `, other exports are ${names.join(', ')}`
  return `${describeDefault(main, 'default' in exports)}${others}`
}

function describeDefault(main: unknown, present: boolean): string {
  if (!present) return 'there is no default export'
  if (isFunction(main)) return `the default export is the class ${main.name}, not an instance of it`
  if (!isObject(main)) return `the default export is ${main === null ? 'null' : `of type ${typeof main}`}`
  const keys = Object.keys(main)
  return `the default export is an object with ${keys.length === 0 ? 'no properties' : keys.join(', ')}`
}

function isClass(value: AnyFunction): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value))
}

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === 'function'
}

function isObject(value: unknown): value is Exports {
  return typeof value === 'object' && value !== null
}

function isPlainObject(value: unknown): value is Exports {
  if (!isObject(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function propertyOf(owner: unknown, name: string): unknown {
  return isObject(owner) || isFunction(owner) ? (owner as Exports)[name] : undefined
}

/** A method bound to its owner. */
function methodOf(owner: unknown, name: string): AnyFunction | undefined {
  const method = propertyOf(owner, name)
  return isFunction(method) ? method.bind(owner) : undefined
}
