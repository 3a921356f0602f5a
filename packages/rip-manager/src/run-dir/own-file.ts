import {
  closeSync,
  constants,
  fchownSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import type { Account } from '../contract/account.ts'

const OWNER_ONLY = 0o600

/** Opens a file only its owner can read; a symbolic link in its place is refused with ELOOP. The caller closes it. */
export function openOwnFile(path: string, flags: number): number {
  return openSync(path, flags | constants.O_NOFOLLOW, OWNER_ONLY)
}

/** Reads a file as text; a symbolic link in its place is refused with ELOOP. */
export function readOwnFile(path: string): string {
  const fd = openOwnFile(path, constants.O_RDONLY)
  try {
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}

/**
 * Writes a file only its owner can read; it appears in one step, and replaces a link without following it.
 *
 * @param owner whose file it is. @default ours
 */
export function writeOwnFile(path: string, text: string | Uint8Array, owner?: Account): void {
  const temporary = `${path}.${crypto.randomUUID()}`
  const fd = openOwnFile(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL)
  try {
    try {
      if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid)
      writeFileSync(fd, text)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, path)
  } catch (error) {
    // On a full disk what was begun would stay behind at each attempt.
    rmSync(temporary, { force: true })
    throw error
  }
}
