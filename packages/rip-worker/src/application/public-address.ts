import { portOf, type ServeAddress } from './own-port.ts'

/** Where clients reach an application, in the words of servers. */
export interface PublicAddress {
  readonly port: number
  readonly hostname: string
  readonly url: URL
}

/**
 * The address a server of the application is told to have: the public one if it is known, else the one the code
 * asked for.
 */
export function publicAddress(asked: ServeAddress, known: string | undefined): PublicAddress {
  const url = URL.parse(known ?? '')
  if (url === null || !url.protocol.startsWith('http') || url.port === '0') return askedAddress(asked)
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : Number(url.port)
  return { port: port ?? portOf(asked), hostname: asked.hostname ?? url.hostname, url }
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

function askedAddress(asked: ServeAddress): PublicAddress {
  const port = portOf(asked)
  const hostname = asked.hostname ?? 'localhost'
  return {
    port,
    hostname,
    url: new URL(`http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}/`),
  }
}
