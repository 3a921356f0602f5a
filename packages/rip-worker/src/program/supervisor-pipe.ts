import { fstatSync } from 'node:fs'

/** The part of a reader of Bun's that is used here. */
interface Reader {
  read(): Promise<{ readonly value?: Uint8Array<ArrayBuffer> | undefined }>
}

/**
 * Standard input, whose other end a supervisor keeps open for as long as it lives: its end tells of the
 * supervisor's death even when that had no time to say so.
 */
export class SupervisorPipe {
  readonly #reader: Reader

  private constructor(reader: Reader) {
    this.#reader = reader
  }

  /** Anything but a pipe is left alone. */
  static open(): SupervisorPipe | undefined {
    return isPipe() ? new SupervisorPipe(Bun.stdin.stream().getReader()) : undefined
  }

  /** The first line, without its end; `undefined` when the supervisor is gone before it was complete. */
  async line(): Promise<string | undefined> {
    const decoder = new TextDecoder()
    let text = ''
    while (!text.includes('\n')) {
      const chunk = await this.#read()
      if (chunk === undefined) return undefined
      text += decoder.decode(chunk, { stream: true })
    }
    return text.slice(0, text.indexOf('\n'))
  }

  /** Resolves when the other end is closed. */
  async end(): Promise<void> {
    while ((await this.#read()) !== undefined);
  }

  async #read(): Promise<Uint8Array | undefined> {
    try {
      return (await this.#reader.read()).value
    } catch {
      // ECONNRESET and its kind: the other end is as gone as at a proper end.
      return undefined
    }
  }
}

function isPipe(): boolean {
  try {
    const stats = fstatSync(0)
    return stats.isFIFO() || stats.isSocket()
  } catch {
    // EBADF: started without a standard input.
    return false
  }
}
