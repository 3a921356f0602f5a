import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import { reasonOf, WorkerError } from '../errors.ts'

/** What is read of an application's `package.json`. */
export interface PackageManifest {
  readonly rip?: unknown
  readonly module?: unknown
  readonly main?: unknown
  readonly exports?: unknown
}

export interface ReadManifestOptions {
  /** Refuse a file that a link leads to from another folder. @default false */
  readonly staysInFolder?: boolean | undefined
}

/**
 * The content of a `package.json` as Bun reads it: a byte order mark, comments and commas at the end do no harm,
 * and an empty file says nothing. No failure repeats what is in it: that may be another file than it looks like.
 *
 * @throws WorkerError `RIP_PACKAGE_UNREADABLE`.
 */
export function readManifest(file: string, options: ReadManifestOptions = {}): PackageManifest {
  const text = readRegularFile(file, options)
  if (/^\ufeff?\s*$/.test(text)) return {}
  const content = parsed(file, text)
  return typeof content === 'object' && content !== null ? content : {}
}

function readRegularFile(file: string, { staysInFolder = false }: ReadManifestOptions): string {
  let descriptor: number | undefined
  try {
    // A FIFO would be waited for.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!fstatSync(descriptor).isFile()) throw new Error('it is no regular file')
    if (staysInFolder && leadsOut(file, descriptor))
      throw new Error('it is a link that leads out of its folder, which is not followed for another user')
    return readFileSync(descriptor, 'utf8')
  } catch (cause) {
    throw new WorkerError('RIP_PACKAGE_UNREADABLE', { file, reason: reasonOf(cause) }, { cause })
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/** Asked about what is open, where the system tells: a link may be changed meanwhile. */
function leadsOut(file: string, descriptor: number): boolean {
  const opened = `/proc/self/fd/${descriptor}`
  const real = realpathSync(existsSync(opened) ? opened : file)
  const folder = realpathSync(dirname(file))
  return !real.startsWith(folder === sep ? sep : folder + sep)
}

/** Without a cause: the parser's quotes what it met. */
function parsed(file: string, text: string): unknown {
  try {
    return Bun.JSONC.parse(text)
  } catch {
    throw new WorkerError('RIP_PACKAGE_UNREADABLE', { file, reason: `it is not JSON${placeOfMistake(text)}` })
  }
}

/** Bun's parser of JSON tells no place, that of JavaScript does, for most mistakes. */
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
