import type { Duplex } from 'node:stream'

/** A connection that an application of `node:http` may turn into a WebSocket. */
export class NodeWebSocket {
  /** @param timers those of the runtime, because the application may have replaced the global ones */
  constructor(socket: Duplex, timers: Pick<typeof globalThis, 'setInterval' | 'setTimeout'>)
  /**
   * Asks the client to connect again. Cuts the connection if the client does not answer, or the application never accepts
   * it. More calls do nothing.
   *
   * @param answerMs how long it may take until the connection has ended
   */
  restart(answerMs: number): void
  terminate(): void
}
