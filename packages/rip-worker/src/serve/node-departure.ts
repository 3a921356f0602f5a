import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Tells an application of `node:http` that its client has left, by `aborted` and `close` as its server would, but
 * leaves the response open: a client that only ended its own side gets what the application still answers.
 */
export class NodeDeparture {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  /** Whether the events of this moment come from here, and the response goes on. */
  isBeingTold = false

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request
    this.#response = response
  }

  tell(): void {
    const request = this.#request
    const response = this.#response
    if (response.writableEnded || response.destroyed) return
    this.isBeingTold = true
    try {
      Object.defineProperty(request, 'aborted', { value: true, configurable: true })
      call(request, 'aborted')
      call(request, 'close')
      if (!isUnderWay(response)) call(response, 'close')
    } finally {
      this.isBeingTold = false
    }
  }
}

/** Whether the response has begun, or a stream is piped into it: `close` would cut it off. */
function isUnderWay(response: ServerResponse): boolean {
  return response.headersSent || response.listenerCount('unpipe') > 0
}

/** Calls the listeners directly, because Bun's server ends the response on `emit`. */
function call(emitter: IncomingMessage | ServerResponse, event: 'aborted' | 'close'): void {
  for (const listener of emitter.rawListeners(event)) Reflect.apply(listener, emitter, [])
}
