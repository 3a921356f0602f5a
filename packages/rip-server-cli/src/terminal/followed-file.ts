import { statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** A file that others write to, and exchange for a new one now and then: what was written to either is read to its end. */
export class FollowedFile implements AsyncDisposable {
  readonly #path: string
  #file: FileHandle | undefined
  #offset = 0

  constructor(path: string) {
    this.#path = path
  }

  /** What has been written since the last call; empty when nothing was. */
  async more(): Promise<Uint8Array> {
    this.#file ??= await opened(this.#path)
    if (this.#file === undefined) return new Uint8Array(0)
    const { size, ino } = await this.#file.stat()
    if (size > this.#offset) return this.#read(this.#file, size - this.#offset)
    const now = statSync(this.#path, { throwIfNoEntry: false })
    if (now === undefined || (now.ino === ino && now.size >= this.#offset)) return new Uint8Array(0)
    await this[Symbol.asyncDispose]()
    return this.more()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
    this.#offset = 0
  }

  async #read(file: FileHandle, length: number): Promise<Uint8Array> {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, this.#offset)
    this.#offset += bytesRead
    return buffer.subarray(0, bytesRead)
  }
}

async function opened(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path)
  } catch {
    // ENOENT: nobody has written yet.
    return undefined
  }
}
