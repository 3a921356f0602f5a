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
