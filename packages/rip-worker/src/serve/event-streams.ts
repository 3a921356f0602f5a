/** The part of a stream's reader that is needed; runtimes type the rest differently. */
interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
  cancel(reason?: unknown): Promise<void>
}

/**
 * Open server-sent event streams. They may last forever, so a drain ends them at its deadline with a last chunk; the
 * browser's `EventSource` then connects again, to the next generation.
 */
export class EventStreams {
  /** The function that ends each stream, and whether its client will ask for it again. */
  readonly #open = new Map<() => void, boolean>()
  readonly #onError: (error: unknown) => void
  #endsSubscriptions = false

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  get size(): number {
    return this.#open.size
  }

  /**
   * The same response with a body that can be ended. Reads nothing ahead, so backpressure is kept.
   *
   * @param method of the request: an `EventSource` sends GET; an answer to another method is likely to end by itself
   * @param ended called once when it is over
   */
  track(response: Response, method: string, ended: () => void): Response {
    if (response.body === null) return response
    return new Response(this.#endable(response.body.getReader(), method === 'GET', ended), response)
  }

  endAll(): void {
    for (const end of this.#open.keys()) end()
  }

  /** Ends those that answer GET, also those that begin from now on. */
  endSubscriptions(): void {
    this.#endsSubscriptions = true
    for (const [end, isSubscription] of this.#open) if (isSubscription) end()
  }

  #endable(reader: BodyReader, isSubscription: boolean, ended: () => void): ReadableStream<Uint8Array> {
    let end = (): void => {}
    const forget = (): void => {
      if (this.#open.delete(end)) ended()
    }
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          end = () => {
            forget()
            controller.close()
            void reader.cancel('drained').catch(this.#onError)
          }
          this.#open.set(end, isSubscription)
          if (isSubscription && this.#endsSubscriptions) end()
        },
        pull: async (controller) => {
          const chunk = await this.#read(reader, forget)
          // Ended, and thereby closed, while the read was under way.
          if (!this.#open.has(end)) return
          if (chunk !== undefined) return controller.enqueue(chunk)
          forget()
          controller.close()
        },
        cancel: (reason) => {
          forget()
          return reader.cancel(reason)
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** The next chunk, or nothing at the end. */
  async #read(reader: BodyReader, forget: () => void): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await reader.read()
      return done ? undefined : value
    } catch (error) {
      forget()
      this.#onError(error)
      throw error
    }
  }
}

/**
 * Whether the response is a stream of server-sent events (WHATWG HTML, section 9.2) without a declared length: one with
 * a length is a download, whatever its type says.
 */
export function isEventStream(response: Response): boolean {
  const { headers } = response
  if (!isEventStreamType(headers.get('content-type'))) return false
  // Last, because reading `body` makes a stream of it.
  return !headers.has('content-length') && response.body !== null
}

/** Type names compare without case, parameters may follow (RFC 9110 section 8.3.1). */
export function isEventStreamType(type: string | null | undefined): boolean {
  return type != null && /^text\/event-stream[ \t]*(?:;|$)/i.test(type)
}
