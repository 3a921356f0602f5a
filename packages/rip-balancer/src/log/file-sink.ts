import { open, stat, type FileHandle } from 'node:fs/promises'
import type { BlockSink } from './log-sink.ts'

/** How often the path is looked at, to notice that the file was rotated away. */
const ROTATION_CHECK_MS = 1_000
/** Queries and referrers hold tokens; whoever ships logs is in the group. */
const OWNER_AND_GROUP = 0o640

/**
 * Appends to a file, which is opened when the first line comes; again after `reopen`, and when the path names another
 * file, as after a rotation.
 */
export class FileSink implements BlockSink, AsyncDisposable {
  private readonly path: string
  private handle: Promise<FileHandle> | undefined
  private checkedMs = 0

  constructor(path: string) {
    this.path = path
  }

  async writeBlocks(blocks: readonly Uint8Array[]): Promise<void> {
    if (await this.wasRotated()) await this.reopen()
    this.handle ??= this.open()
    try {
      for (const block of blocks) await (await this.handle).appendFile(block)
    } catch (error) {
      await this.reopen()
      throw error
    }
  }

  /** The next line goes to whatever the path names then: for log rotation. */
  async reopen(): Promise<void> {
    const handle = this.handle
    this.handle = undefined
    await (await handle?.catch(() => undefined))?.close()
  }

  private open(): Promise<FileHandle> {
    this.checkedMs = performance.now()
    return open(this.path, 'a', OWNER_AND_GROUP)
  }

  private async wasRotated(): Promise<boolean> {
    const now = performance.now()
    if (this.handle === undefined || now - this.checkedMs < ROTATION_CHECK_MS) return false
    this.checkedMs = now
    const [mine, named] = await Promise.all([
      this.handle.then((handle) => handle.stat()),
      stat(this.path).catch(() => undefined),
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
