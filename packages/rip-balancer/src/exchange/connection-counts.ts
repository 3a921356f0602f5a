import { connectionsForDescriptors } from '../transport/descriptor-limit.ts'
import { networkOf } from './address-network.ts'
import type { Limits } from './settings.ts'

/** Why a connection is not taken: too many in total, or of one client. */
export type ConnectionRefusal = 'refused-total' | 'refused-address'

/** How many client connections there are, at all listeners of a balancer together; those of one IPv6 network are of one client. */
export class ConnectionCounts {
  private total = 0
  private readonly perNetwork = new Map<string, number>()
  private readonly affordable = connectionsForDescriptors()

  /**
   * Counts a connection, and for an address if there is one.
   *
   * @returns why it would be one too many; then it is not counted
   */
  open(address: string | undefined, limits: Limits): ConnectionRefusal | undefined {
    if (this.total >= Math.min(limits.maxConnections, this.affordable)) return 'refused-total'
    const refusal = address === undefined ? undefined : this.attribute(address, limits)
    if (refusal === undefined) this.total++
    return refusal
  }

  /** Counts a connection that is open already for an address. @returns why it would be one too many */
  attribute(address: string, { maxConnectionsPerAddress }: Limits): ConnectionRefusal | undefined {
    const network = networkOf(address)
    const count = this.perNetwork.get(network) ?? 0
    if (count >= maxConnectionsPerAddress) return 'refused-address'
    this.perNetwork.set(network, count + 1)
    return undefined
  }

  /** @param address for which the connection was counted, if it was */
  close(address: string | undefined): void {
    this.total--
    if (address === undefined) return
    const network = networkOf(address)
    const left = (this.perNetwork.get(network) ?? 0) - 1
    if (left > 0) this.perNetwork.set(network, left)
    else this.perNetwork.delete(network)
  }
}
