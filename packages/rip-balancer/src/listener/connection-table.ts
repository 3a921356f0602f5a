/** How many connections are looked at when one has to make room. */
const SAMPLE = 32

/** What is asked of a connection in a table. */
export interface TabledConnection {
  /** Place in the table, -1 outside; the table's to change. */
  slot: number
  /** Monotonic milliseconds; `Infinity` while it is not idle. */
  readonly idleSince: number
  /** Nothing was ever asked on it, although it could have been. */
  readonly isUnused: boolean
  /** Something has arrived that was not read yet: it is not idle any more. */
  hasUnread(): boolean
  /** Checks all time limits. @param now monotonic milliseconds */
  tick(now: number): void
}

/**
 * Open client connections. Tunnels and event streams stand behind all others: they are never idle, and however many of
 * them there are, an idle connection is found as fast as before.
 */
export class ConnectionTable<T extends TabledConnection> {
  private readonly all: T[] = []
  /** Those from here on last. */
  private lastingFrom = 0
  /** Where the last sample ended. */
  private sampled = 0

  get size(): number {
    return this.all.length
  }

  /** At this moment. */
  list(): readonly T[] {
    return this.all.slice()
  }

  add(connection: T): void {
    connection.slot = this.all.length
    this.all.push(connection)
    this.setLasting(connection, false)
  }

  /** Puts a connection in the place of another one, which leaves the table. */
  replace(connection: T, by: T): void {
    by.slot = connection.slot
    this.all[by.slot] = by
    connection.slot = -1
  }

  /** @returns whether it was there */
  delete(connection: T): boolean {
    if (connection.slot < 0) return false
    this.setLasting(connection, true)
    this.move(connection, this.all.length - 1)
    this.all.pop()
    connection.slot = -1
    return true
  }

  setLasting(connection: T, lasting: boolean): void {
    if (lasting === connection.slot >= this.lastingFrom) return
    if (lasting) this.move(connection, --this.lastingFrom)
    else this.move(connection, this.lastingFrom++)
  }

  /**
   * What has been idle for longest, of a sample.
   *
   * @param since and for that long at least, monotonic milliseconds
   * @param unused only of those that were never used
   */
  idlest(since: number, unused = false): T | undefined {
    let idlest: T | undefined
    let idleSince = since
    for (let n = Math.min(SAMPLE, this.lastingFrom); n > 0; n--) {
      this.sampled = (this.sampled + 1) % this.lastingFrom
      const connection = this.all[this.sampled]!
      if (connection.idleSince > idleSince || (unused && !connection.isUnused)) continue
      if (connection.hasUnread()) continue
      idleSince = connection.idleSince
      idlest = connection
    }
    return idlest
  }

  tick(now: number): void {
    for (let slot = this.all.length - 1; slot >= 0; slot--) this.all[slot]?.tick(now)
  }

  /** Changes places with the connection that is there. */
  private move(connection: T, to: number): void {
    const other = this.all[to]!
    this.all[connection.slot] = other
    other.slot = connection.slot
    this.all[to] = connection
    connection.slot = to
  }
}
