/** Standard input. */
const FD = 0

/**
 * Standard input, whose other end a supervisor keeps open for as long as it lives: its end tells of the
 * supervisor's death even when that had no time to say so.
 */
export class SupervisorPipe {
  readonly #ended = Promise.withResolvers<void>()
  readonly #decoder = new TextDecoder()
  #text = ''
  #onLine = (): void => {}

  private constructor() {}

  /**
   * Anything but a pipe is left alone. `Bun.spawn` gives its children a socket, which is read with what the control
   * socket is read with; `node:fs` to tell, and a stream to read, cost a worker three megabytes more.
   */
  static async open(): Promise<SupervisorPipe | undefined> {
    const pipe = new SupervisorPipe()
    const take = (bytes: Uint8Array): void => pipe.#take(bytes)
    const end = (): void => pipe.#end()
    if (isSocketByProc()) await readSocket(take, end)
    else if (await isPipe()) void readStream(take).then(end)
    else return undefined
    return pipe
  }

  /** The first line, without its end; `undefined` when the supervisor is gone before it was complete. */
  async line(): Promise<string | undefined> {
    const complete = new Promise<void>((resolve) => (this.#onLine = resolve))
    if (!this.#text.includes('\n')) await Promise.race([complete, this.#ended.promise])
    const at = this.#text.indexOf('\n')
    return at === -1 ? undefined : this.#text.slice(0, at)
  }

  /** Resolves when the other end is closed. */
  end(): Promise<void> {
    return this.#ended.promise
  }

  /** Nothing is written after the first line. */
  #take(bytes: Uint8Array): void {
    if (this.#text.includes('\n')) return
    this.#text += this.#decoder.decode(bytes, { stream: true })
    if (this.#text.includes('\n')) this.#onLine()
  }

  #end(): void {
    this.#ended.resolve()
  }
}

/** Linux answers who opens a socket by its name in `/proc` with ENXIO, see open(2), and nothing else so. */
function isSocketByProc(): boolean {
  try {
    Bun.mmap(`/proc/self/fd/${FD}`)
    return false
  } catch (error) {
    return (error as { readonly code?: unknown }).code === 'ENXIO'
  }
}

async function isPipe(): Promise<boolean> {
  const { fstatSync } = await import('node:fs')
  try {
    const stats = fstatSync(FD)
    return stats.isFIFO() || stats.isSocket()
  } catch {
    // EBADF: started without a standard input.
    return false
  }
}

async function readSocket(take: (bytes: Uint8Array) => void, end: () => void): Promise<void> {
  const options: Bun.FdSocketOptions = {
    fd: FD,
    socket: { data: (_, bytes) => take(bytes), end, close: end, error: end },
  }
  // Bun knows these options, the declaration of `connect` does not.
  await Bun.connect(options as never)
}

async function readStream(take: (bytes: Uint8Array) => void): Promise<void> {
  try {
    for await (const bytes of Bun.stdin.stream()) take(bytes)
  } catch {
    // ECONNRESET and its kind: the other end is as gone as at a proper end.
  }
}
