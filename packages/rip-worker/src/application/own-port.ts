/** Where code asks to listen: options of `Bun.serve`, which `node:http` passes as well. */
export interface ServeAddress {
  readonly unix?: string | false | undefined
  readonly port?: number | string | undefined
  readonly hostname?: string | undefined
  readonly tls?: unknown
}

/** Thrown in the code that opens a server the worker cannot serve, so that its stack names the line. */
export class PortAttempt extends Error {
  override readonly name = 'PortAttempt'
  readonly address: string
  /** What is served already, in a few words. */
  readonly beside: string | undefined

  /** `opened` is from where the server was opened, if that is not the `Bun.serve` under way. */
  constructor(address: string, beside?: string, opened?: PortAttempt) {
    const besides = beside === undefined ? '' : ` beside ${beside}`
    super(`a server on ${address} was opened${besides}; a worker serves one, on a socket of its own`)
    this.address = address
    this.beside = beside
    if (opened?.stack !== undefined) this.stack = opened.stack
  }
}

export function addressText(options: ServeAddress): string {
  return isUnix(options) ? `unix:${options.unix}` : `port ${portOf(options)}`
}

/** Some frameworks pass `unix` even when it is empty. */
export function isUnix({ unix }: ServeAddress): boolean {
  return typeof unix === 'string' && unix !== ''
}

export function hasTls({ tls }: ServeAddress): boolean {
  const [first] = [tls].flat() as readonly (
    { readonly key?: unknown; readonly cert?: unknown } | null | undefined
  )[]
  return Boolean(first?.key ?? first?.cert)
}

/** The port `Bun.serve` would take. */
export function portOf({ port }: ServeAddress): number {
  const { BUN_PORT, PORT, NODE_PORT } = process.env
  return Number(port ?? BUN_PORT ?? PORT ?? NODE_PORT ?? 3000)
}
