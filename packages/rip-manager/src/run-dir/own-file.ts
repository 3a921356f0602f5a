import { closeSync, constants, openSync, renameSync, writeFileSync } from 'node:fs'

const OWNER_ONLY = 0o600

/** Opens a file only its owner can read; a symbolic link in its place is refused with ELOOP. The caller closes it. */
export function openOwnFile(path: string, flags: number): number {
  return openSync(path, flags | constants.O_NOFOLLOW, OWNER_ONLY)
}

/** Writes a file only its owner can read; it appears in one step, and replaces a link without following it. */
export function writeOwnFile(path: string, text: string): void {
  const temporary = `${path}.${crypto.randomUUID()}`
  const fd = openOwnFile(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL)
  try {
    writeFileSync(fd, text)
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, path)
}
