/** Standard input. */
const FD = 0

/**
 * Standard input, whose other end a supervisor keeps open for as long as it lives: when it ends, the supervisor is
 * dead, even if it had no time to send a message.
 */
export class SupervisorPipe {
  readonly #ended = Promise.withResolvers<void>()
  readonly #decoder = new TextDecoder()
  #text = ''
  #onLine = (): void => {}
  #socket: Bun.Socket | undefined

  private constructor() {}

  /**
   * Resolves to `undefined` unless standard input is a pipe or a socket. `Bun.spawn` gives its children a socket, which
   * is read by the same code as the control socket; `node:fs` and a stream would cost a worker three megabytes more.
   */
  static async open(): Promise<SupervisorPipe | undefined> {
    const pipe = new SupervisorPipe()
    const take = (bytes: Uint8Array): void => pipe.#take(bytes)
    const end = (): void => pipe.#end()
    if (isSocketByProc()) pipe.#socket = await readSocket(take, end)
    else if (await isPipe()) void readStream(take).then(end)
    else return undefined
    return pipe
  }

  /** Whether the first line is complete. */
  get hasLine(): boolean {
    return this.#text.includes('\n')
  }

  /** The first line, without its end; `undefined` when the supervisor is gone before it was complete. */
  async line(): Promise<string | undefined> {
    const complete = new Promise<void>((resolve) => (this.#onLine = resolve))
    if (!this.hasLine) await Promise.race([complete, this.#ended.promise])
    const at = this.#text.indexOf('\n')
    return at === -1 ? undefined : this.#text.slice(0, at)
  }

  /** Resolves when the other end is closed. */
  end(): Promise<void> {
    return this.#ended.promise
  }

  /** From now on the pipe does not keep the process alive, if it is a socket. */
  unref(): void {
    this.#socket?.unref()
  }

  /** Takes the first line; the supervisor writes nothing after it. */
  #take(bytes: Uint8Array): void {
    if (this.hasLine) return
    this.#text += this.#decoder.decode(bytes, { stream: true })
    if (this.hasLine) this.#onLine()
  }

  #end(): void {
    this.#ended.resolve()
  }
}

/** On Linux, opening a socket by its name in `/proc` fails with ENXIO, which nothing else does, see open(2). */
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

async function readSocket(take: (bytes: Uint8Array) => void, end: () => void): Promise<Bun.Socket> {
  const options: Bun.FdSocketOptions = {
    fd: FD,
    socket: { data: (_, bytes) => take(bytes), end, close: end, error: end },
  }
  // Bun takes these options; the declaration of `connect` lacks them.
  return await Bun.connect(options as never)
}

async function readStream(take: (bytes: Uint8Array) => void): Promise<void> {
  try {
    for await (const bytes of Bun.stdin.stream()) take(bytes)
  } catch {
    // ECONNRESET and the like: the other end is gone, as at an orderly end.
  }
}
