import { networkOf } from '../address/address-network.ts'

/** How many of something each client has; those of one IPv6 network are of one client. */
export class NetworkCounts {
  private readonly counts = new Map<string, number>()

  hasRoom(address: string, max: number): boolean {
    return (this.counts.get(networkOf(address)) ?? 0) < max
  }

  add(address: string): void {
    const network = networkOf(address)
    this.counts.set(network, (this.counts.get(network) ?? 0) + 1)
  }

  /** @param address for which one was counted */
  remove(address: string): void {
    const network = networkOf(address)
    const left = (this.counts.get(network) ?? 0) - 1
    if (left > 0) this.counts.set(network, left)
    else this.counts.delete(network)
  }
}
