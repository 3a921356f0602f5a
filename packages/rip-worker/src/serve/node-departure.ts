import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Tells an application of `node:http` that its client has left as its server would, by `aborted` and `close`, and yet
 * leaves the response open: a client that only ended its own side gets what the application still answers.
 */
export class NodeDeparture {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  /** The events of this moment are ours, and the response goes on. */
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

/** A response that has begun, or that a stream is piped into, would be cut off by `close`. */
function isUnderWay(response: ServerResponse): boolean {
  return response.headersSent || response.listenerCount('unpipe') > 0
}

/** Not by `emit`, by which Bun's own server ends the response. */
function call(emitter: IncomingMessage | ServerResponse, event: 'aborted' | 'close'): void {
  for (const listener of emitter.rawListeners(event)) Reflect.apply(listener, emitter, [])
}
