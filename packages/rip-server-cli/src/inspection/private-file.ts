import { constants, type FileHandle, open, unlink } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CliError } from '../errors.ts'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants

/** A new file that only its owner can read, as what is found in a process may be secret. Removed unless it is kept. */
export class PrivateFile implements AsyncDisposable {
  readonly path: string
  readonly #file: FileHandle
  #isKept = false

  private constructor(path: string, file: FileHandle) {
    this.path = path
    this.#file = file
  }

  /** @throws CliError `FILE_NOT_MADE`: nothing that is there is overwritten or followed */
  static async create(path: string, cwd: string): Promise<PrivateFile> {
    const absolute = resolve(cwd, path)
    try {
      return new PrivateFile(absolute, await open(absolute, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      const reason = code === 'EEXIST' ? 'it exists already; remove it or choose another name' : message
      throw new CliError('FILE_NOT_MADE', { path, reason }, { cause: error })
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#file.writeFile(bytes)
  }

  /** The file is complete. */
  keep(): void {
    this.#isKept = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
    if (!this.#isKept) await unlink(this.path)
  }
}
