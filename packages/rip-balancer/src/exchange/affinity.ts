import type { Backend } from '../pool/claim.ts'

/** What a request offers to tell one client from another. */
export interface AffinitySource {
  readonly clientAddress: string
  /** Value of a header field, several joined by `, `. */
  field(name: string): string | undefined
}

/** By what the hash policies recognise a client, and the cookie that makes it recognisable. */
export interface Affinity {
  key(source: AffinitySource): string | undefined
  /** `Set-Cookie` value for an answer of this backend to a client with this key; `undefined` sends none. */
  cookie(backend: Backend, key: string | undefined): string | undefined
}

/** By address: the same for every client behind one network address translator. */
export const byAddress: Affinity = {
  key: (source) => source.clientAddress,
  cookie: () => undefined,
}

/** By the value of a header field. */
export function byHeader(name: string): Affinity {
  return { key: (source) => source.field(name), cookie: () => undefined }
}

/** By the value of a cookie the application sets. */
export function byCookie(name: string): Affinity {
  return { key: (source) => cookieValue(source.field('cookie'), name), cookie: () => undefined }
}

/** By a cookie of the balancer's own that names a backend, without telling anybody which. */
export function sticky(name: string): Affinity {
  return {
    key: (source) => cookieValue(source.field('cookie'), name),
    cookie: (backend, key) =>
      key === stickyId(backend.id)
        ? undefined
        : `${name}=${stickyId(backend.id)}; Path=/; HttpOnly; SameSite=Lax`,
  }
}

/** What stands for a backend in the cookie of the sticky policy. */
export function stickyId(backendId: string): string {
  return Bun.hash.xxHash64(backendId).toString(36)
}

/** Value of a cookie in a `Cookie` field (RFC 6265 §5.4). */
function cookieValue(field: string | undefined, name: string): string | undefined {
  if (field === undefined) return undefined
  for (const pair of field.split(';')) {
    const at = pair.indexOf('=')
    if (at !== -1 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}
