/** Longer paths are cut where they are shown. */
const MAX_CHARS = 200

/** The path of a request target without its query, such as `/orders/7`; at most 200 characters. */
export function requestPath(target: string): string {
  const query = target.indexOf('?')
  const whole = query < 0 ? target : target.slice(0, query)
  const path = whole.startsWith('/') || whole === '*' ? whole : pathOfAbsolute(whole)
  return path.length > MAX_CHARS ? `${path.slice(0, MAX_CHARS - 1)}…` : path
}

/** Of a target in absolute form (RFC 9112 §3.2.2). */
function pathOfAbsolute(target: string): string {
  const at = target.indexOf('/', target.indexOf('://') + 3)
  return at < 0 ? '/' : target.slice(at)
}
