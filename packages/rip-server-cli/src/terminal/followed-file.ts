import { statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** A file that another process writes to, and replaces by a new one from time to time; both are read to their end. */
export class FollowedFile implements AsyncDisposable {
  readonly #path: string
  #before: string | undefined
  #file: FileHandle | undefined
  #offset = 0

  /** @param before path of the file after its replacement, which is read first. @default the file is removed */
  constructor(path: string, before?: string) {
    this.#path = path
    this.#before = before
  }

  /** The bytes written since the last call; empty when there are none. */
  async more(): Promise<Uint8Array> {
    this.#file ??= await opened(this.#path)
    const before = await this.#readBefore()
    if (before.byteLength > 0) return before
    if (this.#file === undefined) return NOTHING
    const { size, ino } = await this.#file.stat()
    if (size > this.#offset) return this.#read(this.#file, size - this.#offset)
    const now = statSync(this.#path, { throwIfNoEntry: false })
    if (now === undefined || (now.ino === ino && now.size >= this.#offset)) return NOTHING
    // The last lines may have been written just before the replacement.
    const last = await this.#file.stat()
    if (last.size > this.#offset) return this.#read(this.#file, last.size - this.#offset)
    await this[Symbol.asyncDispose]()
    return this.more()
  }

  /** Reads the former file, once. It is the open file if the replacement came in between. */
  async #readBefore(): Promise<Uint8Array> {
    if (this.#before === undefined) return NOTHING
    const file = await opened(this.#before)
    this.#before = undefined
    if (file === undefined) return NOTHING
    try {
      const { ino } = await file.stat()
      return ino === (await this.#file?.stat())?.ino ? NOTHING : await file.readFile()
    } finally {
      await file.close()
    }
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

const NOTHING = new Uint8Array(0)

async function opened(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path)
  } catch {
    // ENOENT: nothing has been written yet.
    return undefined
  }
}
