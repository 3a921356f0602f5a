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
  /** A longer file is refused. @default 1 MiB */
  readonly maxBytes?: number | undefined
  /**
   * Refuse a file that a link leads to from another folder, unless folder, link and file belong to the same user, who
   * could as well have put the file there. @default false
   */
  readonly staysInFolder?: boolean | undefined
}

/** Thrown for a path that exists and is not read; the message says why, and quotes nothing of the content. */
export class FileRefused extends Error {
  override readonly name = 'FileRefused'
  readonly isFolder: boolean

  constructor(reason: string, isFolder = false) {
    super(reason)
    this.isFolder = isFolder
  }
}

/** More than people write by hand. */
const MAX_BYTES = 1_048_576

/**
 * The text of a file of an application, read by a process that must not block: a FIFO, a socket or a device is refused,
 * as is a file that is too long. The null device counts as an empty file, because people hide a file by linking to it.
 *
 * @throws FileRefused, or the error of the system, such as ENOENT
 */
export function readRegularFile(
  file: string,
  { maxBytes = MAX_BYTES, staysInFolder = false }: ReadRegularFileOptions = {},
): string {
  // Without O_NONBLOCK, open(2) waits until a FIFO has a writer.
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

/** Reads until the end, because the file may grow meanwhile, and some files report no size. */
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

/** Looks at the open file, where the system tells its path, because a link may be changed meanwhile. */
function leadsOut(file: string, descriptor: number): boolean {
  const opened = `/proc/self/fd/${descriptor}`
  const real = realpathSync(existsSync(opened) ? opened : file)
  const folder = realpathSync(dirname(file))
  return !real.startsWith(folder === sep ? sep : folder + sep)
}

/** The owner of the folder can change the link at any time, but cannot give the link or the file to another user. */
function isOfOneOwner(file: string, opened: Stats): boolean {
  return [lstatSync(file), statSync(dirname(file))].every(({ uid }) => uid === opened.uid)
}
