import { ipVersion } from '../address/ip-version.ts'

/**
 * The names requests may be addressed to. `localhost`, all below it and addresses always are: a page of another site
 * that had its own name resolved to this machine (DNS rebinding) says that name.
 */
export class AllowedHosts {
  private readonly names: ReadonlySet<string>
  /** `.shop.example` for `*.shop.example`. */
  private readonly endings: readonly string[]

  /** @param names checked before by `isAllowableHost` */
  constructor(names: readonly string[]) {
    const known = names.map(plainName)
    this.names = new Set(['localhost', ...known])
    const below = known.filter((name) => name.startsWith('*.')).map((name) => name.slice(1))
    this.endings = ['.localhost', ...below]
  }

  /** @param authority host and perhaps a port; empty when the request names none, as no browser does */
  has(authority: string): boolean {
    const name = hostName(authority)
    if (name === '' || this.names.has(name) || ipVersion(name) !== 0) return true
    return this.endings.some((ending) => name.endsWith(ending) && name.length > ending.length)
  }
}

/** The host of an authority, as it is compared: without port, brackets, capitals and the dot of the root. */
export function hostName(authority: string): string {
  const inBrackets = /^\[([^\]]*)\]/.exec(authority)?.[1]
  return inBrackets ?? plainName(authority.replace(/:\d*$/, ''))
}

const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '')

/** Whether a text is a name, `*.` and a name, or `*` for all. */
export function isAllowableHost(text: string): boolean {
  return text === '*' || /^(?:\*\.)?(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?$/i.test(text)
}
