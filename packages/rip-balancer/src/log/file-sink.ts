import { open, type FileHandle } from 'node:fs/promises'
import type { LogSink } from './access-log.ts'

/** Appends to a file, which is opened when the first line comes and again after `reopen`. */
export class FileSink implements LogSink, AsyncDisposable {
  private readonly path: string
  private handle: Promise<FileHandle> | undefined

  constructor(path: string) {
    this.path = path
  }

  async write(text: string): Promise<void> {
    this.handle ??= open(this.path, 'a')
    try {
      await (await this.handle).appendFile(text)
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.reopen()
  }
}
