import { isAboutTheClient } from '../forwarding/field-rules.ts'
import { twinId } from '../http1/field-name.ts'

/** Fields about one connection, which end at each hop (RFC 9110 §7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** A copy without what belongs to the connection it came on, fields that `Connection` names included. */
export function withoutHopByHop(headers: Headers): Headers {
  const copy = new Headers(headers)
  const named = (headers.get('connection') ?? '').split(',').map((name) => name.trim())
  for (const name of [...HOP_BY_HOP, ...named]) if (TOKEN.test(name)) copy.delete(name)
  return copy
}

/** A field name (RFC 9110 §5.6.2); whatever else `Connection` contains names no field. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/

/** Says who the client is, in place of everything that came with its request. */
export function nameClient(headers: Headers, client: string, scheme: string): void {
  // Many backends read names with underscores as the same names.
  const told = [...headers.keys()].filter((name) =>
    isAboutTheClient(twinId(Buffer.from(name), 0, name.length)),
  )
  for (const name of told) headers.delete(name)
  headers.set('x-forwarded-for', client)
  headers.set('x-real-ip', client)
  headers.set('x-forwarded-proto', scheme)
  headers.set('x-forwarded-host', headers.get('host') ?? '')
}
