const MAX_SEGMENTS = 8
/** Paths in which nothing can name one of many, as most are: few segments, none of them long, and no digits. */
const PLAIN = /^(?:\/[^\d/]{0,40}){1,8}$/

/**
 * The route a path belongs to, as far as paths tell: segments that name one of many are folded, so that `/orders/7` and
 * `/orders/12` are `/orders/:n`. What looks like a random text, which may be a secret, becomes `:id`.
 *
 * @param path without query
 */
export function routeName(path: string): string {
  if (PLAIN.test(path)) return path
  const segments = path.split('/', MAX_SEGMENTS + 2)
  const isLong = segments.length > MAX_SEGMENTS + 1
  const folded = segments.slice(0, MAX_SEGMENTS + 1).map(folding)
  return folded.join('/') + (isLong ? '/*' : '')
}

/** The wider route for paths of which there are too many, such as `/blog/*`. */
export function widerRouteName(path: string): string {
  const end = path.indexOf('/', 1)
  return end < 0 ? '/*' : `/${folding(path.slice(1, end))}/*`
}

function folding(segment: string): string {
  if (segment === '' || !/\d/.test(segment)) return segment.length > 40 ? ':id' : segment
  if (/^\d+$/.test(segment)) return ':n'
  const digits = segment.replace(/\D/g, '').length
  const isRandom =
    (segment.length >= 4 && digits * 2 >= segment.length) || (segment.length >= 12 && digits >= 2)
  return isRandom && !segment.includes('.') ? ':id' : segment
}
