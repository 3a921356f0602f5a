import { readFileSync } from 'node:fs'
import { reasonOf, WorkerError } from '../errors.ts'

/** What is read of an application's `package.json`. */
export interface PackageManifest {
  readonly rip?: unknown
  readonly module?: unknown
  readonly main?: unknown
  readonly exports?: unknown
}

/**
 * The content of a `package.json` as Bun reads it: a byte order mark, comments and commas at the end do no harm,
 * and an empty file says nothing.
 *
 * @throws WorkerError `RIP_PACKAGE_UNREADABLE`.
 */
export function readManifest(file: string): PackageManifest {
  try {
    const text = readFileSync(file, 'utf8')
    const content: unknown = /^\ufeff?\s*$/.test(text) ? {} : Bun.JSONC.parse(text)
    return typeof content === 'object' && content !== null ? content : {}
  } catch (cause) {
    throw new WorkerError('RIP_PACKAGE_UNREADABLE', { file, reason: reasonOf(cause) }, { cause })
  }
}
