import { isAbsolute } from 'node:path'
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

function importFailure(entry: string, cause: unknown): WorkerError {
  if (!isCompileFailure(cause)) {
    return new WorkerError('RIP_APP_IMPORT', { file: entry, reason: reasonOf(cause) }, { cause })
  }
  const { filename, position, reason } = cause as Partial<CompileFailure>
  const file = [filename, position?.file].find((path) => path !== undefined && isAbsolute(path)) ?? entry
  return new WorkerError('RIP_APP_COMPILE', { file, reason: reason ?? reasonOf(cause) }, { cause })
}

/** Fields of the Rip compiler's error, and `position` of Bun's `BuildMessage`. */
interface CompileFailure {
  readonly filename: string
  readonly reason: string
  readonly position: { readonly file: string } | null
}

/** Bun reports a file it cannot parse as `BuildMessage`, the Rip compiler as `RIP_COMPILE`. */
function isCompileFailure(cause: unknown): boolean {
  if (typeof cause !== 'object' || cause === null) return false
  if ('code' in cause && cause.code === 'RIP_COMPILE') return true
  if (cause instanceof AggregateError) return cause.errors.some(isCompileFailure)
  return cause.constructor.name === 'BuildMessage'
}
