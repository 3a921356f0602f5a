import { reasonOf, WorkerError } from '../errors.ts'
import { readRegularFile, type ReadRegularFileOptions } from './read-regular-file.ts'

/** What is read of an application's `package.json`. */
export interface PackageManifest {
  readonly rip?: unknown
  readonly module?: unknown
  readonly main?: unknown
  readonly exports?: unknown
  readonly scripts?: unknown
  readonly dependencies?: unknown
  readonly devDependencies?: unknown
}

export type ReadManifestOptions = Pick<ReadRegularFileOptions, 'staysInFolder'>

/**
 * The content of a `package.json` as Bun reads it: a byte order mark, comments and trailing commas are allowed, and an
 * empty file is an empty object. No error quotes the content, because the path may lead to a file that must stay
 * private.
 *
 * @throws WorkerError `RIP_PACKAGE_UNREADABLE`.
 */
export function readManifest(file: string, options: ReadManifestOptions = {}): PackageManifest {
  const text = readText(file, options)
  if (/^\ufeff?\s*$/.test(text)) return {}
  const content = parsed(file, text)
  return typeof content === 'object' && content !== null ? content : {}
}

function readText(file: string, options: ReadManifestOptions): string {
  try {
    return readRegularFile(file, options)
  } catch (cause) {
    throw new WorkerError('RIP_PACKAGE_UNREADABLE', { file, reason: reasonOf(cause) }, { cause })
  }
}

/** Throws without a cause, because the parser's error quotes the content. */
function parsed(file: string, text: string): unknown {
  try {
    return Bun.JSONC.parse(text)
  } catch {
    throw new WorkerError('RIP_PACKAGE_UNREADABLE', { file, reason: `it is not JSON${placeOfMistake(text)}` })
  }
}

/** Bun's parser of JSON reports no position; its parser of JavaScript does, for most mistakes. */
function placeOfMistake(text: string): string {
  try {
    new Bun.Transpiler({ loader: 'js' }).scan(`(${text}\n)`)
    return ''
  } catch (thrown) {
    const first: unknown = thrown instanceof AggregateError ? thrown.errors[0] : thrown
    const { position } = first as { readonly position?: { readonly line: number; readonly column: number } }
    if (!position) return ''
    const { line, column } = position
    return `, see line ${line}, column ${line === 1 ? column - 1 : column}`
  }
}
