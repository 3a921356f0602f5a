import { DEFAULT_STICKY_COOKIE } from '../defaults.ts'
import { SAME_SITES, SECURE_COOKIES, type StickyCookieOptions } from '../settings/sticky-cookie.ts'
import type { BalancerConfig, StickyCookieConfig } from './config.ts'
import { ConfigReader } from './config-reader.ts'

/** A name (RFC 6265 §4.1.1). */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/
const PATH = /^\/[\x20-\x3a\x3c-\x7e]*$/
const DOMAIN = /^\.?(?:[a-z\d](?:[a-z\d-]*[a-z\d])?)(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*$/i
/** What browsers refuse to store without `Secure`, by its name. */
const SECURE_PREFIX = /^__(?:secure|host)-/i
const HOST_PREFIX = /^__host-/i
const MIN_KEY_LENGTH = 16
const MIN_LIFETIME_MS = 1_000

/** The cookie of `sticky`, and the key of what stands in it, if one is given. */
export interface StickyCookieReading {
  readonly cookie: StickyCookieOptions
  readonly key: string | undefined
}

/** A name alone is short for an object with it. */
export function stickyCookieFields(value: BalancerConfig['stickyCookie']): StickyCookieConfig | undefined {
  return typeof value === 'string' ? { name: value } : value
}

/** Reads the option `stickyCookie`; what browsers would not store is a problem. */
export function readStickyCookie(value: unknown, problems: string[]): StickyCookieReading {
  const reader = new ConfigReader(
    stickyCookieFields(value as BalancerConfig['stickyCookie']),
    'stickyCookie',
    problems,
  )
  const cookie = {
    name: readMatching(reader, 'name', NAME, 'a name of letters, digits and -_') ?? DEFAULT_STICKY_COOKIE,
    path: readMatching(reader, 'path', PATH, 'a path that starts with / and has no ;') ?? '/',
    domain: readMatching(reader, 'domain', DOMAIN, 'a domain such as shop.example'),
    sameSite: reader.oneOf('sameSite', SAME_SITES, 'lax'),
    secure: reader.oneOf('secure', SECURE_COOKIES, 'auto'),
    lifetimeMs: readLifetime(reader),
  }
  const key = readKey(reader, problems)
  reader.end()
  return { cookie: asBrowsersStoreIt(cookie, reader), key }
}

function readMatching(
  reader: ConfigReader,
  key: string,
  pattern: RegExp,
  expected: string,
): string | undefined {
  const text = reader.text(key)
  return text === undefined || pattern.test(text) ? text : reader.problem(key, expected)
}

function readLifetime(reader: ConfigReader): number {
  const lifetimeMs = reader.duration('lifetime', Number.POSITIVE_INFINITY)
  if (lifetimeMs < MIN_LIFETIME_MS) reader.problem('lifetime', 'at least a second, or off')
  return lifetimeMs
}

/** A secret is not repeated in a message. */
function readKey(reader: ConfigReader, problems: string[]): string | undefined {
  const key = reader.text('key')
  if (key !== undefined && key.length < MIN_KEY_LENGTH)
    problems.push(
      `stickyCookie.key: expected at least ${MIN_KEY_LENGTH} characters that cannot be guessed, got ${key.length}`,
    )
  return key
}

/** Browsers drop a cookie that breaks the promise of its name, and one for foreign pages that is not `Secure`. */
function asBrowsersStoreIt(cookie: StickyCookieOptions, reader: ConfigReader): StickyCookieOptions {
  const { name, path, domain, sameSite, secure } = cookie
  if (HOST_PREFIX.test(name) && path !== '/') reader.problem('path', `/, as the name is ${name}`)
  if (HOST_PREFIX.test(name) && domain !== undefined) reader.problem('domain', `none, as the name is ${name}`)
  if (sameSite !== 'none' && !SECURE_PREFIX.test(name)) return cookie
  if (secure === 'never')
    reader.problem(
      'secure',
      `auto or always with ${sameSite === 'none' ? 'sameSite none' : `the name ${name}`}`,
    )
  return { ...cookie, secure: 'always' }
}
