import { portOf, type ServeAddress } from './own-port.ts'

/** Where clients reach an application, in the properties that Bun's servers have. */
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

/** An address with the properties that sockets of `node:net` have. */
export interface SocketAddress {
  readonly address: string
  readonly family: 'IPv4' | 'IPv6'
  readonly port: number
}

/** The address of a socket that listens as it was asked to, on another port perhaps. */
export function socketAddress({ hostname = '::' }: ServeAddress, port: number): SocketAddress {
  const address = hostname === 'localhost' ? '127.0.0.1' : hostname
  return { address, family: address.includes(':') ? 'IPv6' : 'IPv4', port }
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
