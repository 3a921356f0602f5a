import { resolve } from 'node:path'
import { ipVersion, parseUnixAddress, UNIX_ADDRESS_FORM } from '@rip/balancer/supervisor'
import { Unacceptable } from './quantity.ts'

const EXPECTED = 'HOST, HOST:PORT or unix: and an absolute path'
const OPS_EXPECTED = 'HOST:PORT, a port of 127.0.0.1, or unix: and an absolute path'
const MAX_PORT = 65_535
/** Texts that values of other types become on their way through a shell or a file. */
const NO_NAMES: ReadonlySet<string> = new Set(['true', 'false', 'null', 'undefined', 'nan'])

/** An address to listen on, as it was given. @throws Unacceptable */
export function bindAddress(text: string): string {
  if (text.startsWith('unix:')) return unixAddress(text)
  const scheme = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(text)
  if (scheme !== null) throw new Unacceptable(`${EXPECTED}, without a scheme`, scheme[1] || undefined)
  if (text.startsWith('/')) throw new Unacceptable(EXPECTED, `unix:${text}`)
  if (/^\d+$/.test(text)) throw new Unacceptable(`${EXPECTED}; a port alone is --port`, `:${text}`)
  if (ipVersion(text) === 6) return text
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text)
  const [, ipv6, host = '', port] = match ?? []
  const isHost =
    ipv6 === undefined ? host === '' || isHostName(host) || ipVersion(host) === 4 : ipVersion(ipv6) === 6
  const isSomething = ipv6 !== undefined || host !== '' || port !== undefined
  if (match !== null && isHost && isSomething && Number(port ?? 0) <= MAX_PORT) return text
  throw new Unacceptable(EXPECTED)
}

/**
 * An address for probes and scrapers, with its host: a port alone is one of this machine's own address, so that nobody else
 * reaches it who was not meant to. @throws Unacceptable
 */
export function opsAddress(text: string): string {
  const [, port = text] = /^:?(\d{1,5})$/.exec(text) ?? []
  const address = /^\d{1,5}$/.test(port) ? `127.0.0.1:${port}` : text
  try {
    const bind = bindAddress(address)
    if (bind.startsWith('unix:') || /^(?:\[[^\]]+\]|[^:]+):\d+$/.test(bind)) return bind
  } catch (error) {
    if (!(error instanceof Unacceptable)) throw error
    throw new Unacceptable(OPS_EXPECTED, error.meant)
  }
  throw new Unacceptable(OPS_EXPECTED)
}

function unixAddress(text: string): string {
  const [path = '', access] = text.slice('unix:'.length).split(/\?(.*)/s)
  if (access !== undefined && parseUnixAddress(`${path}?${access}`) === undefined)
    throw new Unacceptable(`${UNIX_ADDRESS_FORM}, with a mode in octal digits and a group this machine has`)
  if (/^\/(?!\/)[^\0]*[^/\0]$/.test(path)) return text
  const isUrl = path.startsWith('//')
  const meant = isUrl ? path.replace(/^\/+/, '/') : resolve(path)
  const isNothing = path === '' || NO_NAMES.has(path) || /^\/*$/.test(path)
  throw new Unacceptable(
    'unix: and an absolute path, such as unix:/run/app.sock',
    isNothing ? undefined : `unix:${meant}${access === undefined ? '' : `?${access}`}`,
  )
}

/** Whether the text is a DNS name (RFC 1123), as opposed to an address or what looks like one. */
export function isHostName(text: string): boolean {
  if (text.length > 253 || ipVersion(text) !== 0 || NO_NAMES.has(text.toLowerCase())) return false
  const labels = text.replace(/\.$/, '').split('.')
  const areLabels = labels.every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))
  return areLabels && !/^\d+$/.test(labels.at(-1)!)
}

/** The value of a `Host` field: a name or address, and perhaps a port. @throws Unacceptable */
export function hostField(text: string): string {
  const [, ipv6, host = '', port = '0'] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text) ?? []
  const isHost = ipv6 === undefined ? isHostName(host) || ipVersion(host) === 4 : ipVersion(ipv6) === 6
  if (isHost && Number(port) <= MAX_PORT) return text
  throw new Unacceptable('a host such as shop.example or shop.example:8080', withoutScheme(text))
}

/** Names a development server answers to: `shop.example`, or `*.shop.example` for all below it. @throws Unacceptable */
export function allowedHost(text: string): string {
  if (text === '*' || isHostName(text.replace(/^\*\./, ''))) return text.toLowerCase().replace(/\.$/, '')
  const name = withoutScheme(text) ?? text
  const meant = /^([^:]*):\d+$/.exec(name)?.[1] ?? withoutScheme(text)
  throw new Unacceptable('a name such as shop.example, or *.shop.example for all below it', meant)
}

const withoutScheme = (text: string): string | undefined =>
  /^[a-z][a-z0-9+.-]*:\/\/([^/?#]+)/i.exec(text)?.[1]
