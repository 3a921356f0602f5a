import { reasonOf, WorkerError } from '../errors.ts'
import type { Application } from './application.ts'
import { watchPorts } from './own-port.ts'
import { resolveApplication } from './resolve-application.ts'

/**
 * Imports the module of an application and finds its handler. A failing import is never swallowed and no
 * other file is tried instead.
 *
 * @throws WorkerError `RIP_APP_COMPILE`, `RIP_APP_IMPORT`, `RIP_APP_OWN_PORT`, `RIP_APP_NO_HANDLER`.
 */
export async function loadApplication(file: string): Promise<Application> {
  return resolveApplication(await importModule(file), file)
}

async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  using ports = watchPorts()
  try {
    const exports: Record<string, unknown> = await import(file)
    // The application may have caught what was thrown at it.
    if (ports.attempt !== undefined) throw ports.attempt
    return exports
  } catch (cause) {
    if (ports.attempt !== undefined) throw ownPort(file, ports.attempt.address, ports.attempt)
    throw importFailure(file, cause)
  }
}

function ownPort(file: string, address: string, cause: Error): WorkerError {
  return new WorkerError('RIP_APP_OWN_PORT', { file, address }, { cause })
}

function importFailure(entry: string, thrown: unknown): WorkerError {
  const cause = firstCompileFailure(thrown)
  if (cause === undefined) {
    return new WorkerError('RIP_APP_IMPORT', { file: entry, reason: reasonOf(thrown) }, { cause: thrown })
  }
  const { filename, position, reason = reasonOf(cause) } = cause
  const file = [filename, position?.file].find((path) => path?.startsWith('/')) ?? entry
  return new WorkerError('RIP_APP_COMPILE', { file, reason }, { cause })
}

/** Fields of the Rip compiler's error, and `position` of Bun's `BuildMessage`. */
interface CompileFailure extends Error {
  readonly filename: string
  readonly reason: string
  readonly position: { readonly file: string } | null
}

/**
 * Bun reports a file it cannot parse as `BuildMessage`, several mistakes as an `AggregateError` of them, which
 * itself knows no place; the Rip compiler throws `RIP_COMPILE`.
 */
function firstCompileFailure(thrown: unknown): Partial<CompileFailure> | undefined {
  if (thrown instanceof AggregateError) return thrown.errors.map(firstCompileFailure).find(Boolean)
  return isCompileFailure(thrown) ? thrown : undefined
}

function isCompileFailure(thrown: unknown): thrown is Partial<CompileFailure> {
  if (typeof thrown !== 'object' || thrown === null) return false
  return thrown.constructor.name === 'BuildMessage' || ('code' in thrown && thrown.code === 'RIP_COMPILE')
}
