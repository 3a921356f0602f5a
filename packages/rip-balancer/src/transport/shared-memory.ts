import { closeSync, constants, fstatSync, linkSync, openSync, rmSync, writeSync } from 'node:fs'

const OWNER_ONLY = 0o600

/**
 * Memory that all processes which name the same file share; it is zero at first. The file is written whole when it is
 * made: a page for which the disk has no room later would end the process that touches it.
 *
 * @throws what the system says, and when the file is of another size
 */
export function sharedMemory(path: string, bytes: number): Int32Array {
  makeFile(path, bytes)
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW)
  try {
    const status = fstatSync(fd)
    if (!status.isFile() || status.size !== bytes) throw new Error(`${path} is no file of ${bytes} bytes`)
  } finally {
    closeSync(fd)
  }
  const mapped = Bun.mmap(path, { shared: true })
  return new Int32Array(mapped.buffer, mapped.byteOffset, bytes / Int32Array.BYTES_PER_ELEMENT)
}

/** It appears in one step; of several processes one makes it. */
function makeFile(path: string, bytes: number): void {
  const draft = `${path}.${process.pid}`
  const fd = openSync(
    draft,
    constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
    OWNER_ONLY,
  )
  try {
    if (writeSync(fd, new Uint8Array(bytes)) !== bytes)
      throw new Error(`no room for ${bytes} bytes in ${path}`)
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    closeSync(fd)
    rmSync(draft, { force: true })
  }
}
