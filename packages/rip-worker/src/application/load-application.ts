import { LATE_LISTEN_HINT_MS, LATE_LISTEN_POLL_MS } from '../defaults.ts'
import { reasonOf, WorkerError } from '../errors.ts'
import { setInterval, setTimeout } from '../own-timers.ts'
import type { Application } from './application.ts'
import { ClusterProcesses } from './cluster-processes.ts'
import { hasOwnListen } from './own-listen.ts'
import { PortAttempt } from './own-port.ts'
import { exportedBy, findApplication, hooksOf, resolveApplication } from './resolve-application.ts'
import { type CapturedServer, ServerCapture } from './server-capture.ts'

type Exports = Readonly<Record<string, unknown>>

/**
 * Imports the module of an application and finds its handler: what it exports, or the one server it opens while it is
 * imported. A failing import is never swallowed, and no other file is tried instead.
 *
 * @throws WorkerError `RIP_APP_COMPILE`, `RIP_APP_IMPORT`, `RIP_APP_OWN_PORT`, `RIP_APP_FOREIGN_SERVER`,
 * `RIP_APP_CLUSTER`, `RIP_APP_NO_HANDLER`.
 */
export async function loadApplication(file: string, servers?: ServerCapture): Promise<Application> {
  if (servers !== undefined) return load(file, servers)
  using own = new ServerCapture()
  return await load(file, own)
}

/** Imports a module that answers no requests. @throws WorkerError `RIP_APP_COMPILE`, `RIP_APP_IMPORT` */
export async function loadModule(file: string): Promise<Exports> {
  try {
    return (await import(file)) as Exports
  } catch (cause) {
    throw importFailure(file, cause)
  }
}

async function load(file: string, servers: ServerCapture): Promise<Application> {
  try {
    const exports = await importModule(file, servers)
    const application = await chooseApplication(file, exports, servers)
    // The first server's `listening` callback may have opened a second one meanwhile.
    if (servers.attempt !== undefined) throw servers.attempt
    servers.settle(await exports['default'])
    return { ...application, attach: (host) => servers.attach(host) }
  } catch (error) {
    throw error instanceof PortAttempt ? ownPort(file, error) : error
  }
}

async function importModule(file: string, servers: ServerCapture): Promise<Exports> {
  try {
    const importing = import(file) as Promise<Exports>
    // A refused server ends the import at once, because the application may catch the error thrown at it.
    const exports = await Promise.race([
      importing,
      servers.refused,
      servedUnfinished(file, importing, servers),
    ])
    if (servers.attempt !== undefined) throw servers.attempt
    return exports
  } catch (cause) {
    throw servers.attempt ?? importFailure(file, cause)
  }
}

/**
 * Resolves to no exports once an application that has opened its server has gone on loading for long: one that awaits its
 * end at its top level, or works on a queue there, serves all the same.
 */
async function servedUnfinished(
  file: string,
  importing: Promise<Exports>,
  servers: ServerCapture,
): Promise<Exports> {
  const loaded = importing.then(() => true)
  // A failure before a server was opened is told by `importing`.
  loaded.catch(() => {})
  for (;;) {
    if (servers.captured === undefined) await servers.opened
    const timeUp = Bun.sleep(servers.patienceMs).then(() => false)
    if (await Promise.race([loaded, timeUp])) return importing
    if (servers.captured !== undefined) break
  }
  console.error(
    `${file} has opened its server, and is still being loaded after ${servers.patienceMs / 1000} s; it is served without its exports`,
  )
  importing.catch((cause: unknown) =>
    // An uncaught exception, as it is where the file is run by itself.
    queueMicrotask(() => {
      throw importFailure(file, cause)
    }),
  )
  return {}
}

/** A server that the application opened is served, unless the application also exports a handler of something else. */
async function chooseApplication(
  file: string,
  exports: Exports,
  servers: ServerCapture,
): Promise<Application> {
  const captured = (await serverOpened(servers)) ?? (await serverOpenedLate(file, exports, servers))
  if (captured === undefined)
    return (await openedByItself(file, exports, servers)) ?? resolveExports(file, exports, servers)
  if (await isSomethingElse(exports, captured)) throw servers.refusal('the handler that is exported')
  return { ...captured.application, ...hooksOf(exports) }
}

/** What an exported application opens where only its own `listen` puts its server together. */
async function openedByItself(
  file: string,
  exports: Exports,
  servers: ServerCapture,
): Promise<Application | undefined> {
  const main = await exports['default']
  if (!hasOwnListen(main)) return undefined
  try {
    await Promise.race([main.listen(0), servers.refused])
  } catch (cause) {
    throw servers.attempt ?? importFailure(file, cause)
  }
  // `node:http` reports a server in the next tick.
  await Bun.sleep(0)
  const { captured } = servers
  return captured && { ...captured.application, ...hooksOf(exports) }
}

/** What is exported is served, whatever else listens beside it. */
async function resolveExports(
  file: string,
  exports: Exports,
  { foreign }: ServerCapture,
): Promise<Application> {
  if (foreign === undefined || (await findApplication(exports, file)) !== undefined)
    return resolveApplication(exports, file)
  throw new WorkerError('RIP_APP_FOREIGN_SERVER', { file, address: foreign })
}

/** Code that only looks for a free port has closed its server again by the time its callback has run. */
async function serverOpened(servers: ServerCapture): Promise<CapturedServer | undefined> {
  if (servers.captured !== undefined) await Bun.sleep(0)
  return servers.captured
}

/**
 * Waits for programs that first connect to their database and then listen; a module that exports a handler does not.
 */
async function serverOpenedLate(
  file: string,
  exports: Exports,
  servers: ServerCapture,
): Promise<CapturedServer | undefined> {
  if ((await findApplication(exports, file)) !== undefined || !(await mayListen(file, exports)))
    return undefined
  const timeUp = Promise.withResolvers<void>()
  const cluster = new ClusterProcesses()
  const refuseForks = (): void => {
    if (cluster.count > 0) timeUp.reject(clusterFailure(file, cluster))
  }
  const timers = [
    setTimeout(() => tellWait(file, servers.patienceMs), LATE_LISTEN_HINT_MS),
    setTimeout(() => timeUp.resolve(), servers.patienceMs),
    setInterval(refuseForks, LATE_LISTEN_POLL_MS),
  ]
  try {
    refuseForks()
    await Promise.race([servers.opened, servers.refused, timeUp.promise])
  } finally {
    timers.forEach(clearTimeout)
  }
  return serverOpened(servers)
}

function clusterFailure(file: string, cluster: ClusterProcesses): WorkerError {
  const { count } = cluster
  cluster.kill()
  return new WorkerError('RIP_APP_CLUSTER', { file, count })
}

function tellWait(file: string, patienceMs: number): void {
  console.error(
    `${file} exports no handler and has not opened a server yet; it is given ${patienceMs / 1000} s to do so`,
  )
}

/** Whether it exports nothing, starts as a program, or exports something that could listen. */
async function mayListen(file: string, exports: Exports): Promise<boolean> {
  const { mainGuardOf } = await import('./main-guard.ts')
  if (mainGuardOf(file) === 'run') return true
  const values = Object.values(exportedBy(exports))
  return values.length === 0 || values.some((value) => typeof propertyOf(value, 'listen') === 'function')
}

async function isSomethingElse(exports: Exports, captured: CapturedServer): Promise<boolean> {
  const main = await exports['default']
  if (captured.isMadeOf(main) || (await findApplication(exports)) === undefined) return false
  // An adapter for Node.js wraps a handler that is exported for tests; a server for metrics has another port.
  if (captured.isAtUsualPort) return false
  // A framework's application that listens by itself does not show what it serves.
  return typeof propertyOf(main, 'listen') !== 'function' || propertyOf(main, 'listening') !== undefined
}

function propertyOf(owner: unknown, name: string): unknown {
  return typeof owner === 'object' || typeof owner === 'function'
    ? (owner as Exports | null)?.[name]
    : undefined
}

function ownPort(file: string, attempt: PortAttempt): WorkerError {
  const { address, beside } = attempt
  return new WorkerError('RIP_APP_OWN_PORT', { file, address, beside }, { cause: attempt })
}

function importFailure(entry: string, thrown: unknown): WorkerError {
  const cause = firstCompileFailure(thrown)
  if (cause === undefined) {
    const reason = `${reasonOf(thrown)}${installHint(thrown)}`
    return new WorkerError('RIP_APP_IMPORT', { file: entry, reason }, { cause: thrown })
  }
  const { filename, position, reason = reasonOf(cause) } = cause
  const file = [filename, position?.file].find((path) => path?.startsWith('/')) ?? entry
  return new WorkerError('RIP_APP_COMPILE', { file, reason }, { cause })
}

/** Name of a package at the beginning of a specifier. */
const PACKAGE = /^(?:@[\w.-]+\/)?[\w-][\w.-]*(?=\/|$)/

/** What to type for a package that is missing, in the words of Bun's `ResolveMessage`. */
function installHint(thrown: unknown): string {
  const { name, specifier } = (thrown ?? {}) as { readonly name?: unknown; readonly specifier?: unknown }
  if (name !== 'ResolveMessage' || typeof specifier !== 'string') return ''
  const missing = PACKAGE.exec(specifier)?.[0]
  return missing === undefined ? '' : `; to install it: bun add ${missing}`
}

/** Fields of the Rip compiler's error, and `position` of Bun's `BuildMessage`. */
interface CompileFailure extends Error {
  readonly filename: string
  readonly reason: string
  readonly position: { readonly file: string } | null
}

/**
 * Bun reports a file it cannot parse as `BuildMessage`, and several mistakes as an `AggregateError` of them, which has
 * no position; the Rip compiler throws `RIP_COMPILE`.
 */
function firstCompileFailure(thrown: unknown): Partial<CompileFailure> | undefined {
  if (thrown instanceof AggregateError) return thrown.errors.map(firstCompileFailure).find(Boolean)
  return isCompileFailure(thrown) ? thrown : undefined
}

function isCompileFailure(thrown: unknown): thrown is Partial<CompileFailure> {
  if (typeof thrown !== 'object' || thrown === null) return false
  return thrown.constructor.name === 'BuildMessage' || ('code' in thrown && thrown.code === 'RIP_COMPILE')
}
