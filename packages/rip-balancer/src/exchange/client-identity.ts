import { FIELD } from '../http1/field-name.ts'
import type { FieldId } from '../http1/field-name.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { AddressSet } from './settings.ts'

/** Address of peers on a Unix socket. */
export const UNIX_PEER = 'unix'

/** Who is at the other end of a client connection. */
export interface ClientIdentity {
  /** Address of the peer, or of the client named by its PROXY header; `unix` for a peer on a Unix socket. */
  readonly address: string
  readonly scheme: 'http' | 'https'
  /** Whether the peer's statements about the client are believed. */
  readonly trusted: boolean
  /** The forwarded fields of an untrusted peer: the same for all requests of a connection. */
  readonly forwardedBytes: Buffer
}

/** The address of a peer; an IPv4 address mapped into IPv6 is written as IPv4. */
export function addressOf(peer: string): string {
  return peer.startsWith('::ffff:') && peer.includes('.') ? peer.slice(7) : peer
}

/** Identifies a client by the address of the peer, or of whom the peer named. */
export function identify(peer: string, scheme: 'http' | 'https', trustedProxies: AddressSet): ClientIdentity {
  const address = addressOf(peer)
  return {
    address,
    scheme,
    trusted: trustedProxies.has(address),
    forwardedBytes: Buffer.from(forwardedText(address, address, scheme)),
  }
}

function forwardedText(chain: string, client: string, scheme: string): string {
  const realIp = client === UNIX_PEER ? '' : `X-Real-IP: ${client}\r\n`
  const list = chain === UNIX_PEER ? 'unknown' : chain
  return `X-Forwarded-For: ${list}\r\n${realIp}X-Forwarded-Proto: ${scheme}\r\n`
}

/** What a trusted proxy says about its client, extended by the proxy itself. */
export interface TrustedStatement {
  /** The client: the rightmost address in the chain that is not a trusted proxy. */
  readonly address: string
  readonly scheme: string
  readonly forwardedText: string
  /** `X-Forwarded-Host` as received, if it was. */
  readonly host: string | undefined
}

/** Reads the forwarded fields of a trusted peer (RFC 7239 §7.4 warns of all others). */
export function readStatement(
  head: RequestHead,
  peer: ClientIdentity,
  trusted: AddressSet,
): TrustedStatement {
  const chain = joined(head, FIELD.xForwardedFor)
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const told = head.text(FIELD.xForwardedProto)
  const scheme = told === 'http' || told === 'https' ? told : peer.scheme
  const address = clientOf(chain, peer, trusted)
  if (peer.address !== UNIX_PEER || chain.length === 0) chain.push(peer.address)
  return {
    address,
    scheme,
    forwardedText: forwardedText(chain.join(', '), address, scheme),
    host: head.text(FIELD.xForwardedHost),
  }
}

function clientOf(chain: readonly string[], peer: ClientIdentity, trusted: AddressSet): string {
  for (let index = chain.length - 1; index >= 0; index--)
    if (!trusted.has(chain[index]!)) return chain[index]!
  return chain[0] ?? peer.address
}

function joined(head: RequestHead, id: FieldId): string {
  const values: string[] = []
  for (let index = 0; index < head.count; index++) if (head.id(index) === id) values.push(head.value(index))
  return values.join(', ')
}

/** One `Forwarded` element (RFC 7239 §4); IPv6 addresses are quoted and bracketed. */
export function forwardedElement(peer: string, host: string, scheme: string): string {
  const node = peer === UNIX_PEER ? 'unknown' : peer.includes(':') ? `"[${peer}]"` : peer
  return `for=${node};host="${host}";proto=${scheme}`
}
