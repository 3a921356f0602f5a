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
