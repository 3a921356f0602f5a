import {
  borrowListenSocket,
  duplicateListenSocket,
  lendListenSockets,
  type ListenAddress,
  type ListenSocket,
  ManagerError,
  type MeetingPlace,
  openListenSocket,
} from '@rip/manager'

/** Attempts to open or to borrow: another balancer that is just starting lends its socket in a moment. */
const ATTEMPTS = 6
const PAUSE_MS = 50

/**
 * Listening sockets that all balancers of one application share: while at least one of these runs, no connection is
 * lost.
 */
export class SharedListeners implements AsyncDisposable {
  readonly #place: MeetingPlace
  readonly #sockets: readonly ListenSocket[]
  readonly #lender: Disposable | undefined

  private constructor(place: MeetingPlace, sockets: readonly ListenSocket[], lender: Disposable | undefined) {
    this.#place = place
    this.#sockets = sockets
    this.#lender = lender
  }

  /**
   * Borrows them from another balancer, or opens and lends them. `undefined` where a listening socket cannot be opened
   * without accepting from it.
   *
   * @throws what `openListenSocket` throws
   */
  static async open(
    place: MeetingPlace,
    addresses: readonly ListenAddress[],
  ): Promise<SharedListeners | undefined> {
    await using opened = new AsyncDisposableStack()
    const sockets: ListenSocket[] = []
    for (const asked of addresses) {
      const socket = await openShared(place, asked)
      if (socket === undefined) return undefined
      sockets.push(opened.use(socket))
    }
    const lent = sockets.flatMap(({ fd, address }, at) => [
      { asked: address, fd },
      ...(isAnyPort(addresses[at]!) ? [] : [{ asked: addresses[at]!, fd }]),
    ])
    const lender = lendListenSockets(place.lendPath, lent)
    opened.move()
    return new SharedListeners(place, sockets, lender)
  }

  /** Descriptors for a balancer process, which accepts from them and closes them. */
  descriptors(): readonly number[] {
    return this.#sockets.map((socket) => duplicateListenSocket(socket) ?? socket.fd)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lender?.[Symbol.dispose]()
    const isShared = (await this.#place.lenders()).length > 0
    for (const socket of this.#sockets) {
      // Leaves the path of a Unix socket in place for the other balancers. Clients are not turned away: a balancer that
      // has just borrowed the socket, and does not lend it yet, could not undo that.
      if (isShared) socket.disown()
      await socket.close()
    }
  }
}

/** Whether any free port will do: such a listener is not shared, because each balancer then wants its own. */
const isAnyPort = (address: ListenAddress): boolean => 'port' in address && address.port === 0

async function openShared(place: MeetingPlace, asked: ListenAddress): Promise<ListenSocket | undefined> {
  for (let attempt = 1; ; attempt++) {
    for (const path of isAnyPort(asked) ? [] : await place.lenders()) {
      const borrowed = await borrowListenSocket(path, asked)
      if (borrowed !== undefined) return borrowed
    }
    try {
      return await openListenSocket(asked)
    } catch (error) {
      const isTaken = error instanceof ManagerError && error.code === 'PORT_IN_USE'
      if (!isTaken || attempt === ATTEMPTS) throw error
      await Bun.sleep(PAUSE_MS)
    }
  }
}
