import { LONG_LIVED_SHARE } from '../defaults.ts'
import type { ConnectionCounts } from './connection-counts.ts'
import { NetworkCounts } from './network-counts.ts'
import type { Limits } from '../settings/limits.ts'

/** Why there may not be one more: there are too many in total, or of one client. */
export type LongLivedRefusal = 'long-lived-total' | 'long-lived-address'

/** How many tunnels and event streams clients have. Some connections are always left for requests. */
export class LongLivedCounts {
  private total = 0
  private readonly perNetwork = new NetworkCounts()
  private readonly connections: ConnectionCounts

  constructor(connections: ConnectionCounts) {
    this.connections = connections
  }

  /** Why there may not be one more. @param address of the client, if it is counted */
  refusal(address: string | undefined, limits: Limits): LongLivedRefusal | undefined {
    if (this.total >= LONG_LIVED_SHARE * this.connections.most(limits)) return 'long-lived-total'
    if (address === undefined || this.perNetwork.hasRoom(address, limits.maxLongLivedPerAddress))
      return undefined
    return 'long-lived-address'
  }

  /** Counts one for which there is room. */
  add(address: string | undefined): void {
    this.total++
    if (address !== undefined) this.perNetwork.add(address)
  }

  /** @param address for which it was counted, if it was */
  remove(address: string | undefined): void {
    this.total--
    if (address !== undefined) this.perNetwork.remove(address)
  }
}
