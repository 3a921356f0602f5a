import type { SameSite, StickyCookieOptions } from '../settings/sticky-cookie.ts'
import type { Backend } from '../upstream/backend.ts'
import type { StickyNames } from '../pool/sticky-names.ts'
import { cookieValues, type AffinitySource } from '../forwarding/affinity.ts'

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

  /** Names of backends in the client's cookies; the first one may name none that there is. */
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
