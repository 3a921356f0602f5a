/** What a request offers to tell one client from another. */
export interface AffinitySource {
  readonly clientAddress: string
  /** Scheme the client used, seen through trusted proxies. */
  readonly scheme: 'http' | 'https'
  /** Values of the header fields of a name, in their order. */
  values(name: string): readonly string[]
}

/** What the hash policy recognises a client by; `undefined` for a client that has nothing of the kind. */
export type HashKey = (source: AffinitySource) => string | undefined

/** By address: the same for every client behind one network address translator. */
export const byAddress: HashKey = ({ clientAddress }) => clientAddress

/** By the value of a header field. */
export function byHeader(name: string): HashKey {
  return (source) => source.values(name).join(', ') || undefined
}

/** By the value of a cookie the application sets. */
export function byCookie(name: string): HashKey {
  return (source) => cookieValues(source, name).find((value) => value !== '')
}

/**
 * Values of the cookies of a name (RFC 6265 §5.4). There may be several, of different paths and domains, and several
 * `Cookie` lines, as HTTP/2 splits them (RFC 9113 §8.2.3).
 */
export function cookieValues(source: AffinitySource, name: string): readonly string[] {
  const values: string[] = []
  for (const line of source.values('cookie')) {
    for (const pair of line.split(';')) {
      const at = pair.indexOf('=')
      if (at !== -1 && pair.slice(0, at).trim() === name) values.push(pair.slice(at + 1).trim())
    }
  }
  return values
}
