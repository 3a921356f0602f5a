import type { FileHandle } from 'node:fs/promises'
import { PartialWrite, type BlockSink } from './log-sink.ts'

/** How often the path is looked at, to notice that the file was rotated away. */
const ROTATION_CHECK_MS = 1_000
/** Queries and referrers hold tokens; programs that ship logs are in the group. */
const OWNER_AND_GROUP = 0o640

/**
 * Appends to a file, which is opened when the first line comes; again after `reopen`, and when the path names another
 * file, as after a rotation.
 */
export class FileSink implements BlockSink, AsyncDisposable {
  private readonly path: string
  private handle: Promise<FileHandle> | undefined
  private checkedMs = 0
  /** The last line is not whole, as the disk was full. */
  private isTorn = false

  constructor(path: string) {
    this.path = path
  }

  async writeBlocks(blocks: readonly Uint8Array[]): Promise<void> {
    if (await this.wasRotated()) await this.reopen()
    this.handle ??= this.open()
    let bytesWritten = 0
    try {
      const handle = await this.handle
      if (this.isTorn) await this.endTornLine(handle)
      for (const block of blocks)
        for (let at = 0; at < block.length;) {
          const written = await write(handle, block, at)
          at += written
          bytesWritten += written
        }
    } catch (error) {
      this.isTorn ||= bytesWritten > 0
      await this.reopen()
      throw bytesWritten === 0 ? error : new PartialWrite(bytesWritten, error as Error)
    }
  }

  /** What follows is a line of its own. */
  private async endTornLine(handle: FileHandle): Promise<void> {
    if ((await handle.stat()).size > 0) await write(handle, LINE_END, 0)
    this.isTorn = false
  }

  /** The next line goes to whatever the path names then: for log rotation. */
  async reopen(): Promise<void> {
    const handle = this.handle
    this.handle = undefined
    await (await handle?.catch(() => undefined))?.close()
  }

  private async open(): Promise<FileHandle> {
    this.checkedMs = performance.now()
    const handle = await files().open(this.path, 'a', OWNER_AND_GROUP)
    this.isTorn ||= await isTorn(handle, this.path)
    return handle
  }

  private async wasRotated(): Promise<boolean> {
    const now = performance.now()
    if (this.handle === undefined || now - this.checkedMs < ROTATION_CHECK_MS) return false
    this.checkedMs = now
    const [mine, named] = await Promise.all([
      this.handle.then((handle) => handle.stat()),
      files()
        .stat(this.path)
        .catch(() => undefined),
    ])
    return named === undefined || named.ino !== mine.ino || named.dev !== mine.dev
  }

  close(): Promise<void> {
    return this.reopen()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

const LINE_END = Buffer.from('\n')

/** Whether another process has left a last line that is not whole: this one may succeed it. */
async function isTorn(handle: FileHandle, path: string): Promise<boolean> {
  const stats = await handle.stat()
  if (stats.size === 0 || !stats.isFile()) return false
  try {
    await using reader = await files().open(path, 'r')
    const { buffer, bytesRead } = await reader.read(Buffer.alloc(1), 0, 1, stats.size - 1)
    return bytesRead === 1 && buffer[0] !== LINE_END[0]
  } catch {
    // It may be written and not read.
    return false
  }
}

/** @returns how many bytes were written, one at least */
async function write(handle: FileHandle, bytes: Uint8Array, from: number): Promise<number> {
  return (await handle.write(bytes, from, bytes.length - from)).bytesWritten
}

/** Most balancers log to no file, and would load it in vain. */
function files(): typeof import('node:fs/promises') {
  return process.getBuiltinModule('node:fs/promises')
}
