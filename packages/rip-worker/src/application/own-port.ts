/** Watches for servers opened by code that should only export a handler. */
export interface PortWatch extends Disposable {
  /** What the code tried to open, once it did. */
  readonly attempt: PortAttempt | undefined
}

/** Thrown into the code that opens a server, so that its stack names the line. */
export class PortAttempt extends Error {
  override readonly name = 'PortAttempt'
  readonly address: string

  constructor(address: string) {
    super(`a server on ${address} was opened while the application was imported`)
    this.address = address
  }
}

/**
 * Refuses servers until disposed of. `node:http` and frameworks open theirs through `Bun.serve` as well, so
 * one place sees them all.
 */
export function watchPorts(): PortWatch {
  const serve = Bun.serve
  let attempt: PortAttempt | undefined
  const refuse = (options: ServeAddress = {}): never => {
    attempt ??= new PortAttempt(addressOf(options))
    throw attempt
  }
  Bun.serve = refuse as typeof serve
  return {
    get attempt() {
      return attempt
    },
    [Symbol.dispose]() {
      Bun.serve = serve
    },
  }
}

interface ServeAddress {
  readonly unix?: string
  readonly port?: number | string
}

function addressOf(options: ServeAddress): string {
  if (options.unix !== undefined) return `unix:${options.unix}`
  return `port ${options.port ?? process.env['PORT'] ?? 3000}`
}
