import type { NodeAddress } from '../address/node-address.ts'
import type { DataPlane } from '../exchange/data-plane.ts'
import { identify, type ClientIdentity } from '../forwarding/client-identity.ts'
import { INCOMPLETE, REFUSED } from '../http1/field-section.ts'
import type { ByteSocket } from '../transport/byte-socket.ts'
import type { HeldInput } from './held-input.ts'
import { PlainProxyHeader } from './plain-proxy-header.ts'
import { ProxyHeader } from './proxy-header.ts'

/**
 * What came of a PROXY header: the client is known, there is more of it to come, it is none, or the client that is named
 * may have no more connections.
 */
export type PeerResult = 'known' | 'incomplete' | 'malformed' | 'too-many'

/** Who is at the other end of a connection: the peer, or the client that a peer which is a proxy names in a PROXY header. */
export class ConnectionPeer implements Disposable {
  identity: ClientIdentity
  /** The address connection limits count the connection for; `undefined` while it belongs to a proxy that named no client. */
  countedFor: string | undefined
  private readonly plane: DataPlane
  /** Reads the header in front of the first request; on a connection with TLS in front of the handshake. */
  private header: ProxyHeader | undefined
  private plainHeader: PlainProxyHeader | undefined

  /** @param refused called when a header in front of a handshake does not say who the client is, or the client may not connect */
  constructor(
    socket: ByteSocket,
    plane: DataPlane,
    address: NodeAddress,
    secure: boolean,
    refused: () => void,
  ) {
    const { proxyProtocolFrom, forwarding } = plane.settings
    this.plane = plane
    this.identity = identify(address, secure ? 'https' : 'http', forwarding.trustedProxies)
    if (proxyProtocolFrom?.has(this.identity.address) !== true) return
    if (!secure) this.header = new ProxyHeader()
    else
      this.plainHeader = new PlainProxyHeader(socket, plane.turn, (header) => {
        this.plainHeader = undefined
        if (header === undefined || this.takeName(header) !== 'known') refused()
      })
  }

  /** Whether the next bytes of the input are a PROXY header, which `read` reads. */
  get isUnknown(): boolean {
    return this.header !== undefined
  }

  read(input: HeldInput): PeerResult {
    const header = this.header!
    const at = header.feed(input.bytes, input.at)
    if (at === REFUSED) return 'malformed'
    if (at === INCOMPLETE) {
      input.clear()
      return 'incomplete'
    }
    input.taken(at)
    this.header = undefined
    return this.takeName(header)
  }

  [Symbol.dispose](): void {
    this.plainHeader?.[Symbol.dispose]()
  }

  private takeName({ source }: ProxyHeader): 'known' | 'too-many' {
    if (source === undefined) return 'known'
    const { connections, settings } = this.plane
    this.identity = identify(source, this.identity.scheme, settings.forwarding.trustedProxies)
    const refusal = connections.attribute(this.identity.address, settings.limits)
    if (refusal === undefined) this.countedFor = this.identity.address
    else settings.observer.connection(refusal)
    return refusal === undefined ? 'known' : 'too-many'
  }
}
