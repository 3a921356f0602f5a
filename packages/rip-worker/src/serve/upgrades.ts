import type { ClientAddress } from './client.ts'
import type { FetchTransport } from './fetch-transport.ts'
import type { LongLivedGate } from './long-lived-gate.ts'
import type { UpgradeOptions } from './request-context.ts'
import { Ticket } from './web-sockets.ts'

export interface UpgradesOptions {
  readonly longLived: LongLivedGate
  readonly addressOf: (request: Request) => ClientAddress | null
  /** Absent before the start, and where requests come another way. */
  readonly transport: () => FetchTransport | undefined
}

/** Requests that the application has turned into WebSockets, or has tried to. */
export class Upgrades {
  readonly #options: UpgradesOptions
  readonly #upgraded = new WeakSet<Request>()
  readonly #refused = new WeakSet<Request>()

  constructor(options: UpgradesOptions) {
    this.#options = options
  }

  /** @returns whether the request is a WebSocket from now on */
  upgrade(request: Request, options: UpgradeOptions = {}): boolean {
    const { longLived, addressOf, transport } = this.#options
    const address = addressOf(request)?.address
    if (asksForWebSocket(request) && !longLived.admits(address)) {
      this.#refused.add(request)
      return false
    }
    const ticket = new Ticket(options.data, address)
    const isUpgraded = transport()?.upgrade(request, { ...options, data: ticket }) ?? false
    if (isUpgraded) this.#upgraded.add(request)
    return isUpgraded
  }

  isUpgraded(request: Request): boolean {
    return this.#upgraded.has(request)
  }

  /** Whether it was refused because too many WebSockets were open. */
  isRefused(request: Request): boolean {
    return this.#refused.has(request)
  }
}

/** Applications may try to upgrade every request; this tells those that ask for it (RFC 6455 section 4.2.1). */
function asksForWebSocket({ headers }: Request): boolean {
  return headers.get('upgrade')?.toLowerCase() === 'websocket'
}
