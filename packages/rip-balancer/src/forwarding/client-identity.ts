import { FIELD } from '../http1/field-name.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { readChain, type ForwardedChain } from './forwarded-chain.ts'
import { plainAddress, readNode, type NodeAddress } from '../address/node-address.ts'
import type { AddressSet } from '../settings/forwarding.ts'

/** Address of peers on a Unix socket. */
export const UNIX_PEER = 'unix'

export type Scheme = 'http' | 'https'

/** The peer at the other end of a client connection, and the client it is taken for. */
export interface ClientIdentity extends NodeAddress {
  /** Address of the peer, or of the client named by its PROXY header; `unix` for a peer on a Unix socket. */
  readonly address: string
  readonly scheme: Scheme
  /** Whether the peer's statements about the client are believed. */
  readonly trusted: boolean
  /** The forwarded fields of an untrusted peer: the same for all requests of a connection. */
  readonly forwardedBytes: Buffer
  /** The same as HTTP/2 says it, once a request has been sent in HTTP/2. */
  forwardedBlock: Buffer | undefined
}

/** The address of a peer; an IPv4 address mapped into IPv6 is written as IPv4, a zone is left out. */
export function addressOf(peer: string): string {
  return plainAddress(peer)
}

/** Identifies a client by the address of the peer, or of whom the peer named. */
export function identify(peer: NodeAddress, scheme: Scheme, trustedProxies: AddressSet): ClientIdentity {
  const address = addressOf(peer.address)
  const client = { address, port: peer.port }
  return {
    ...client,
    scheme,
    trusted: trustedProxies.has(address),
    forwardedBytes: Buffer.from(forwardedText([address], client, scheme)),
    forwardedBlock: undefined,
  }
}

/**
 * `X-Real-IP` and `X-Real-Port` are the decision who the client is, for backends that leave it to the balancer; a
 * request has them from here or not at all.
 */
function forwardedText(chain: readonly string[], client: NodeAddress, scheme: Scheme): string {
  const list = chain.map((address) => (address === UNIX_PEER ? 'unknown' : address)).join(', ')
  const realIp = client.address === UNIX_PEER ? '' : `X-Real-IP: ${client.address}\r\n`
  const realPort = client.port === 0 ? '' : `X-Real-Port: ${client.port}\r\n`
  return `X-Forwarded-For: ${list}\r\n${realIp}X-Forwarded-Proto: ${scheme}\r\n${realPort}`
}

/** What a trusted proxy says about its client, extended by the proxy itself. */
export interface TrustedStatement extends NodeAddress {
  /** The client: the rightmost address in the chain that is not a trusted proxy. */
  readonly address: string
  readonly scheme: Scheme
  readonly forwardedText: string
  /** The client and the proxies behind it, as `X-Forwarded-For` names them. */
  readonly chain: readonly string[]
  /** What is passed on of `Forwarded`, from the element of the client on; empty without one. */
  readonly forwarded: string
  /** `X-Forwarded-Host` as received, if it was. */
  readonly host: string | undefined
}

/** Reads the forwarded fields of a trusted peer (RFC 7239 §7.4 warns of all others). */
export function readStatement(
  head: RequestHead,
  peer: ClientIdentity,
  trusted: AddressSet,
): TrustedStatement {
  const chain = readChain(head)
  const way = wayOf(chain, trusted)
  const client = way[0] ?? peer
  const scheme = schemeOf(chain, chain.nodes.length - way.length) ?? peer.scheme
  const addresses = way.map(({ address }) => address)
  // What stands in front of the client is its own invention, and ends here.
  if (peer.address !== UNIX_PEER || way.length === 0) addresses.push(peer.address)
  return {
    address: client.address,
    port: client.port,
    scheme,
    forwardedText: forwardedText(addresses, client, scheme),
    chain: addresses,
    forwarded: chain.elements.slice(chain.nodes.length - way.length).join(', '),
    host: head.text(FIELD.xForwardedHost),
  }
}

/**
 * The client and the trusted proxies behind it. Where a trusted proxy does not tell an address, the proxy itself is the
 * last one that is known.
 */
function wayOf({ nodes }: ForwardedChain, trusted: AddressSet): readonly NodeAddress[] {
  const way: NodeAddress[] = []
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = readNode(nodes[index]!)
    if (node === undefined) break
    way.unshift(node)
    if (!trusted.has(node.address)) break
  }
  return way
}

/** The scheme of the client; a list that does not match the chain begins with that of the client. */
function schemeOf({ nodes, schemes }: ForwardedChain, client: number): Scheme | undefined {
  const index = schemes.length === nodes.length ? Math.min(client, nodes.length - 1) : 0
  const told = schemes[index]?.toLowerCase()
  if (told === 'https' || told === 'wss') return 'https'
  return told === 'http' || told === 'ws' ? 'http' : undefined
}

/** One `Forwarded` element (RFC 7239 §4); IPv6 addresses are quoted and bracketed. */
export function forwardedElement(peer: string, host: string, scheme: string): string {
  const node = peer === UNIX_PEER ? 'unknown' : peer.includes(':') ? `"[${peer}]"` : peer
  return `for=${node};host="${host.replaceAll(/["\\]/g, '\\$&')}";proto=${scheme}`
}
