import type { Backend } from '../pool/claim.ts'
import type { StickyNames } from '../pool/sticky-names.ts'
import { cookieValues, type AffinitySource } from './affinity.ts'

/** What the cookie of the sticky policy is like (RFC 6265 §4.1). */
export interface StickyCookieOptions {
  readonly name: string
  readonly path: string
  /** `undefined`: the host that was asked, and none below it. */
  readonly domain: string | undefined
  readonly sameSite: SameSite
  readonly secure: SecureCookie
  /** From the last answer on, in milliseconds; `Infinity` ends with the browser's session. */
  readonly lifetimeMs: number
}

export const SAME_SITES = ['lax', 'strict', 'none'] as const

export type SameSite = (typeof SAME_SITES)[number]

/** Whether the cookie is for TLS only; `auto` for clients that came by TLS. */
export const SECURE_COOKIES = ['auto', 'always', 'never'] as const

export type SecureCookie = (typeof SECURE_COOKIES)[number]

/** The balancer's own cookie, which says who answered a client before. */
export class StickyCookie {
  private readonly options: StickyCookieOptions
  private readonly names: StickyNames
  private readonly attributes: string

  constructor(options: StickyCookieOptions, names: StickyNames) {
    this.options = options
    this.names = names
    this.attributes = attributesOf(options)
  }

  /** Names of backends the client brings; one that names nobody may come first. */
  namesIn(source: AffinitySource): readonly string[] {
    return cookieValues(source, this.options.name)
  }

  /** `Set-Cookie` value for an answer of this backend; `undefined` when the client knows already. */
  valueFor(backend: Backend, source: AffinitySource): string | undefined {
    const { name, secure, lifetimeMs } = this.options
    const value = this.names.of(backend)
    if (lifetimeMs === Number.POSITIVE_INFINITY && this.namesIn(source).includes(value)) return undefined
    const isSecure = secure === 'auto' ? source.scheme === 'https' : secure === 'always'
    return `${name}=${value}; ${this.attributes}${isSecure ? '; Secure' : ''}`
  }
}

function attributesOf({ path, domain, sameSite, lifetimeMs }: StickyCookieOptions): string {
  const attributes = [`Path=${path}`]
  if (domain !== undefined) attributes.push(`Domain=${domain}`)
  if (lifetimeMs !== Number.POSITIVE_INFINITY) attributes.push(`Max-Age=${Math.ceil(lifetimeMs / 1000)}`)
  return [...attributes, 'HttpOnly', `SameSite=${SPELLED[sameSite]}`].join('; ')
}

const SPELLED: Readonly<Record<SameSite, string>> = { lax: 'Lax', strict: 'Strict', none: 'None' }
