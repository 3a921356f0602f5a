/**
 * Field names the balancer knows. A name is recognised from its length and first letter, then compared once, so
 * that no text is made while a head is scanned.
 */
export const FIELD = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  expect: 5,
  upgrade: 6,
  te: 7,
  trailer: 8,
  keepAlive: 9,
  proxyConnection: 10,
  proxyAuthorization: 11,
  proxyAuthenticate: 12,
  proxyAuthenticationInfo: 13,
  proxy: 14,
  http2Settings: 15,
  maxForwards: 16,
  xForwardedFor: 17,
  xForwardedProto: 18,
  xForwardedHost: 19,
  xForwardedPort: 20,
  xForwardedPrefix: 21,
  xForwardedSsl: 22,
  xForwardedScheme: 23,
  xForwardedServer: 24,
  xRealIp: 25,
  xOriginalUrl: 26,
  xRewriteUrl: 27,
  frontEndHttps: 28,
  forwarded: 29,
  xRequestId: 30,
  via: 31,
  date: 32,
  cookie: 33,
  accept: 34,
  userAgent: 35,
  referer: 36,
  authorization: 37,
  setCookie: 38,
  contentType: 39,
  contentEncoding: 40,
  contentRange: 41,
  cacheControl: 42,
  secWebsocketKey: 43,
  secWebsocketVersion: 44,
  secWebsocketProtocol: 45,
  secWebsocketExtensions: 46,
  secWebsocketAccept: 47,
  xForwardedUri: 48,
  xOriginalHost: 49,
  xHttpMethodOverride: 50,
  /** Any name with an underscore: CGI-like environments cannot tell it from its twin with a hyphen. */
  underscored: 51,
  /** Any other name that starts with `x-forwarded-`. */
  xForwardedOther: 52,
  xClientIp: 53,
  xClusterClientIp: 54,
  trueClientIp: 55,
  /** Any of `HEAD_ONLY`. */
  headOnly: 56,
  xRealPort: 57,
  /** Any of `CLIENT_ADDRESS`. */
  clientAddress: 58,
  /** Any of `CLIENT_WAY`. */
  clientWay: 59,
} as const

/** Number of one known name; `0` for all others. */
export type FieldId = (typeof FIELD)[keyof typeof FIELD]

/** One more than the highest `FieldId`: size of tables indexed by it. */
export const FIELD_IDS = 60

/** Names without a meaning of their own here, but for being kept out of trailers (RFC 9110 §6.5.1). */
const HEAD_ONLY: readonly string[] = [
  'www-authenticate',
  'authentication-info',
  'location',
  'content-location',
  'retry-after',
  'vary',
  'expires',
  'age',
  'pragma',
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'accept-charset',
  'accept-encoding',
  'accept-language',
]

/** Names by which proxies and content delivery networks tell the client's address, besides those in the table. */
const CLIENT_ADDRESS: readonly string[] = [
  'akamai-client-ip',
  'ali-cdn-real-ip',
  'cdn-src-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'cf-pseudo-ipv4',
  'client-ip',
  'cloudfront-viewer-address',
  'do-connecting-ip',
  'fastly-client-ip',
  'fly-client-ip',
  'forwarded-for',
  'forwarded-for-ip',
  'incap-client-ip',
  'proxy-client-ip',
  'remote-addr',
  'wl-proxy-client-ip',
  'x-akamai-client-ip',
  'x-appengine-remote-addr',
  'x-appengine-user-ip',
  'x-azure-clientip',
  'x-azure-socketip',
  'x-client-real-ip',
  'x-envoy-external-address',
  'x-forwarded',
  'x-google-real-ip',
  'x-nf-client-connection-ip',
  'x-original-forwarded-for',
  'x-original-remote-addr',
  'x-originating-ip',
  'x-proxyuser-ip',
  'x-real-client-ip',
  'x-remote-addr',
  'x-remote-ip',
  'x-sucuri-clientip',
  'x-true-client-ip',
  'x-vercel-forwarded-for',
]

/** Names by which proxies tell by which scheme, for which host and below which path a request came, besides those in the table. */
const CLIENT_WAY: readonly string[] = [
  'cf-visitor',
  'cloudfront-forwarded-proto',
  'fastly-ssl',
  'forwarded-host',
  'forwarded-proto',
  'wl-proxy-ssl',
  'x-arr-ssl',
  'x-host',
  'x-http-host-override',
  'x-original-for',
  'x-original-prefix',
  'x-original-proto',
  'x-scheme',
  'x-script-name',
  'x-url-scheme',
]

interface Candidate {
  readonly id: FieldId
  readonly name: Uint8Array
}

const LONGEST = 32
const HYPHEN = 0x2d
const UNDERSCORE = 0x5f
const X_FORWARDED = new TextEncoder().encode('x-forwarded-')
const buckets: (Candidate[] | undefined)[] = Array.from({ length: LONGEST * 32 })

const families: ReadonlySet<FieldId> = new Set([
  FIELD.other,
  FIELD.underscored,
  FIELD.xForwardedOther,
  FIELD.headOnly,
  FIELD.clientAddress,
  FIELD.clientWay,
])
for (const [key, id] of Object.entries(FIELD)) if (!families.has(id)) learn(wireName(key), id)
for (const name of HEAD_ONLY) learn(name, FIELD.headOnly)
for (const name of CLIENT_ADDRESS) learn(name, FIELD.clientAddress)
for (const name of CLIENT_WAY) learn(name, FIELD.clientWay)

function learn(text: string, id: FieldId): void {
  const name = new TextEncoder().encode(text)
  const bucket = bucketOf(name.length, name[0]!)
  ;(buckets[bucket] ??= []).push({ id, name })
}

function wireName(key: string): string {
  if (key === 'http2Settings') return 'http2-settings'
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function bucketOf(length: number, first: number): number {
  return (length << 5) | (first & 31)
}

/** Recognises the token in `bytes[from, to)`. */
export function fieldId(bytes: Uint8Array, from: number, to: number): FieldId {
  if (to - from >= LONGEST) return familyOf(bytes, from, to)
  const candidates = buckets[bucketOf(to - from, bytes[from]!)]
  if (candidates === undefined) return familyOf(bytes, from, to)
  for (let index = 0; index < candidates.length; index++) {
    const candidate = candidates[index]!
    if (matches(bytes, from, candidate.name)) return candidate.id
  }
  return familyOf(bytes, from, to)
}

/** What a name with underscores is taken for where names of fields become names of variables. */
export function twinId(bytes: Uint8Array, from: number, to: number): FieldId {
  const twin = bytes.slice(from, to).map((byte) => (byte === UNDERSCORE ? HYPHEN : byte))
  return fieldId(twin, 0, twin.length)
}

/** A name that is not in the table may still belong to a family whose members are treated alike. */
function familyOf(bytes: Uint8Array, from: number, to: number): FieldId {
  const belongs = to - from > X_FORWARDED.length && matches(bytes, from, X_FORWARDED)
  return belongs ? FIELD.xForwardedOther : FIELD.other
}

/** Both sides are tokens, where setting bit 5 folds the case and maps no other token character to a letter or hyphen. */
function matches(bytes: Uint8Array, from: number, name: Uint8Array): boolean {
  for (let index = 0; index < name.length; index++)
    if ((bytes[from + index]! | 0x20) !== name[index]) return false
  return true
}
