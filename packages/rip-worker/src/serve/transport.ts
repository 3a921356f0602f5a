export interface LongLivedCount {
  readonly webSockets: number
  readonly eventStreams: number
}

/** The server below a worker: takes requests from a socket and knows when each has been answered completely. */
export interface Transport {
  /** Where it listens: an `http:` address, or `unix:` and the path. */
  readonly url: string
  /** Whether it takes HTTP/2 in plain text as well as HTTP/1.1. */
  readonly http2: boolean
  /** Requests whose response has not been handed over to the last byte. */
  readonly pending: number
  /** WebSockets and event streams among them, which take no place of `concurrency`. */
  readonly longLived: LongLivedCount
  /** Takes no new connection, closes idle ones, lets the rest finish. */
  stopAccepting(): void
  /** Cuts every connection. */
  abort(): void
}

export type ListenAddress =
  { readonly unix: string } | { readonly port: number; readonly hostname?: string | undefined }

export function describeAddress(address: ListenAddress): string {
  if ('unix' in address) return `unix:${address.unix}`
  return `${address.hostname ?? '*'}:${address.port}`
}
