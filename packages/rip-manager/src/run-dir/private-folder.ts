import { chmodSync, lstatSync, mkdirSync } from 'node:fs'
import { ManagerError } from '../errors.ts'

const PRIVATE_MODE = 0o700

/**
 * Makes sure that a folder exists and is ours alone. The folder for temporary files is writable by
 * everybody: what somebody else put there under our name, link or folder, is refused.
 */
export function ensurePrivateFolder(path: string): void {
  makeFolder(path)
  const status = lstatSync(path)
  if (status.isSymbolicLink()) throw unsafe(path, 'it is a symbolic link')
  if (!status.isDirectory()) throw unsafe(path, 'it is not a folder')
  const uid = process.getuid?.()
  if (uid !== undefined && status.uid !== uid)
    throw unsafe(path, `it belongs to user ${status.uid}, not to us`)
  if ((status.mode & 0o777) !== PRIVATE_MODE) chmodSync(path, PRIVATE_MODE)
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: PRIVATE_MODE })
  } catch (error) {
    // EEXIST: the name is taken by something else, which the caller looks at.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unsafe(path, String(error))
  }
}

function unsafe(path: string, reason: string): ManagerError {
  return new ManagerError('RUN_DIR_UNSAFE', { path, reason })
}
