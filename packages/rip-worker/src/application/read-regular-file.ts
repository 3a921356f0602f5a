import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs'
import { dirname, sep } from 'node:path'

export interface ReadRegularFileOptions {
  /** What is longer is refused. @default 1 MiB */
  readonly maxBytes?: number | undefined
  /**
   * Refuse a file that a link leads to from another folder, unless folder, link and file belong to the same user: he
   * could as well have put the file there. @default false
   */
  readonly staysInFolder?: boolean | undefined
}

/** A path that is there and is not read; the message says why, and nothing of what is in it. */
export class FileRefused extends Error {
  override readonly name = 'FileRefused'
  readonly isFolder: boolean

  constructor(reason: string, isFolder = false) {
    super(reason)
    this.isFolder = isFolder
  }
}

/** More than anybody writes by hand. */
const MAX_BYTES = 1_048_576

/**
 * The text of a file of an application, read by a process that must not be held up: a FIFO, a socket or a device is
 * refused, as is what is too long. The null device is an empty file: with it people hide one.
 *
 * @throws FileRefused, or the error of the system, such as ENOENT
 */
export function readRegularFile(
  file: string,
  { maxBytes = MAX_BYTES, staysInFolder = false }: ReadRegularFileOptions = {},
): string {
  // A FIFO would be waited for.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  try {
    const status = fstatSync(descriptor)
    if (status.isDirectory()) throw new FileRefused('it is no regular file but a folder', true)
    if (status.isCharacterDevice() && status.rdev === statSync('/dev/null').rdev) return ''
    if (!status.isFile()) throw new FileRefused('it is no regular file')
    if (staysInFolder && leadsOut(file, descriptor) && !isOfOneOwner(file, status))
      throw new FileRefused(
        'it is a link that leads out of its folder to a file of another user, which is not followed',
      )
    if (status.size > maxBytes) throw tooLong(maxBytes)
    return textOf(descriptor, maxBytes)
  } finally {
    closeSync(descriptor)
  }
}

/** It may grow meanwhile, and some files have no size. */
function textOf(descriptor: number, maxBytes: number): string {
  const chunks: Buffer[] = []
  let length = 0
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    const bytesRead = readSync(descriptor, chunk)
    if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8')
    chunks.push(chunk.subarray(0, bytesRead))
    length += bytesRead
    if (length > maxBytes) throw tooLong(maxBytes)
  }
}

const CHUNK_BYTES = 16_384

function tooLong(maxBytes: number): FileRefused {
  return new FileRefused(`it is larger than ${maxBytes / 1024} KiB`)
}

/** Asked about what is open, where the system tells: a link may be changed meanwhile. */
function leadsOut(file: string, descriptor: number): boolean {
  const opened = `/proc/self/fd/${descriptor}`
  const real = realpathSync(existsSync(opened) ? opened : file)
  const folder = realpathSync(dirname(file))
  return !real.startsWith(folder === sep ? sep : folder + sep)
}

/** Whoever owns the folder can change the link at any time, but make neither it nor the file belong to another. */
function isOfOneOwner(file: string, opened: Stats): boolean {
  return [lstatSync(file), statSync(dirname(file))].every(({ uid }) => uid === opened.uid)
}
