import { connectionsForDescriptors } from '../transport/descriptor-limit.ts'
import { NetworkCounts } from './network-counts.ts'
import type { Limits } from '../settings/limits.ts'

/** Why a connection is not taken: too many in total, or of one client. */
export type ConnectionRefusal = 'refused-total' | 'refused-address'

/** How many client connections there are, at all listeners of a balancer together; those of one IPv6 network are of one client. */
export class ConnectionCounts {
  private total = 0
  private readonly perNetwork = new NetworkCounts()
  private readonly affordable = connectionsForDescriptors()

  /** Connections there can be: as many as are allowed, and as there are descriptors for. */
  most({ maxConnections }: Limits): number {
    return Math.min(maxConnections, this.affordable)
  }

  /**
   * Counts a connection, and for an address if there is one.
   *
   * @returns why it would be one too many; then it is not counted
   */
  open(address: string | undefined, limits: Limits): ConnectionRefusal | undefined {
    if (this.total >= this.most(limits)) return 'refused-total'
    const refusal = address === undefined ? undefined : this.attribute(address, limits)
    if (refusal === undefined) this.total++
    return refusal
  }

  /** Counts a connection that is open already for an address. @returns why it would be one too many */
  attribute(address: string, { maxConnectionsPerAddress }: Limits): ConnectionRefusal | undefined {
    if (!this.perNetwork.hasRoom(address, maxConnectionsPerAddress)) return 'refused-address'
    this.perNetwork.add(address)
    return undefined
  }

  /** @param address for which the connection was counted, if it was */
  close(address: string | undefined): void {
    this.total--
    if (address !== undefined) this.perNetwork.remove(address)
  }
}
