import type { DataPlane } from '../exchange/data-plane.ts'
import type { Clock } from '../transport/clock.ts'
import type { ConnectionKeeper } from './connection-keeper.ts'

const MAX_LINGER_MS = 6_000
/** The same limit for a connection that was refused. */
const MAX_LINGER_OF_REFUSED_MS = 1_000

/** Time limits of a connection of HTTP/1.1 while there is no exchange on it. */
export class ConnectionDeadlines {
  /** When the connection became idle, in monotonic milliseconds; of one that lingers, when the client last sent something. */
  since: number
  /** When a lingering connection is closed although the client goes on sending. */
  private lingersUntil = 0
  private readonly plane: DataPlane
  private readonly keeper: ConnectionKeeper
  private readonly clock: Clock

  constructor(plane: DataPlane, keeper: ConnectionKeeper) {
    this.plane = plane
    this.keeper = keeper
    this.clock = plane.turn.clock
    this.since = this.clock.nowMs
  }

  /** The connection has become idle, or a lingering client has sent something. */
  begin(): void {
    this.since = this.clock.nowMs
  }

  /** The last response has been sent. @param refused it said that the client may have no connection */
  beginLinger(refused: boolean): void {
    this.begin()
    this.lingersUntil = this.since + (refused ? MAX_LINGER_OF_REFUSED_MS : MAX_LINGER_MS)
  }

  /** Whether a client was waited for long enough that has yet to end its side. */
  hasLingered(now: number): boolean {
    return now - this.since > this.plane.settings.timeouts.lingerMs || now > this.lingersUntil
  }

  isHeadTooSlow(now: number, begunAt: number): boolean {
    return now - begunAt > this.plane.settings.timeouts.headerMs
  }

  /** For how long an idle connection has been kept beyond the time that a drain leaves it; 0 or less while it may stay. */
  overDrainMs(now: number): number {
    const { isDraining, drainingSince } = this.keeper
    return isDraining ? now - drainingSince - this.plane.settings.timeouts.drainGraceMs : 0
  }

  /** For how long a connection has been idle beyond the limit. @param isUnused nothing was ever asked on it */
  overIdleMs(now: number, isUnused: boolean): number {
    const { headerMs, clientIdleMs } = this.plane.settings.timeouts
    return now - this.since - (isUnused ? headerMs : clientIdleMs)
  }
}
