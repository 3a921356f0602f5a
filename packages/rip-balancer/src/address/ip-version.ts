const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
const GROUP = /^[\da-f]{1,4}$/i
const ZONE = /^[\da-z.:-]+$/i
const GROUPS = 8

/**
 * Which version of IP a text is an address of, 0 for none: what `isIP` of `node:net` says, which takes ten milliseconds
 * to load.
 */
export function ipVersion(text: string): 0 | 4 | 6 {
  if (IPV4.test(text)) return 4
  return text.includes(':') && isIpv6(text) ? 6 : 0
}

/** RFC 4291 section 2.2, with a zone perhaps (RFC 4007 section 11). */
function isIpv6(text: string): boolean {
  const percent = text.indexOf('%')
  if (percent !== -1 && !ZONE.test(text.slice(percent + 1))) return false
  const [head = '', tail, ...more] = (percent === -1 ? text : text.slice(0, percent)).split('::')
  if (more.length > 0) return false
  if (tail === undefined) return groupsIn(head, true) === GROUPS
  const written = groupsIn(head, false) + groupsIn(tail, true)
  return written < GROUPS
}

/** How many groups these are, `NaN` when one is none; the last two may be written as an IPv4 address. */
function groupsIn(text: string, isEnd: boolean): number {
  if (text === '') return 0
  const groups = text.split(':')
  const last = isEnd ? groups.at(-1)! : ''
  const whole = IPV4.test(last) ? groups.slice(0, -1) : groups
  if (!whole.every((group) => GROUP.test(group))) return Number.NaN
  return whole.length === groups.length ? groups.length : groups.length + 1
}
