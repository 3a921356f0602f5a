/** The part of a stream's reader that is needed; runtimes type the rest differently. */
interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
  cancel(reason?: unknown): Promise<void>
}

/**
 * Open server-sent event streams. They may last for ever, so a drain ends them at its deadline with a proper
 * last chunk; the browser's `EventSource` then connects again, to the next generation.
 */
export class EventStreams {
  readonly #open = new Set<() => void>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  get size(): number {
    return this.#open.size
  }

  /** The same response with a body that can be ended. Reads ahead nothing, so backpressure stays. */
  track(response: Response): Response {
    if (response.body === null) return response
    return new Response(this.#endable(response.body.getReader()), response)
  }

  endAll(): void {
    for (const end of this.#open) end()
  }

  #endable(reader: BodyReader): ReadableStream<Uint8Array> {
    let end = (): void => {}
    const forget = (): boolean => this.#open.delete(end)
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          end = () => {
            forget()
            controller.close()
            void reader.cancel('drained').catch(this.#onError)
          }
          this.#open.add(end)
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
  async #read(reader: BodyReader, forget: () => boolean): Promise<Uint8Array | undefined> {
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

/** Whether the response is a stream of server-sent events (WHATWG HTML, section 9.2). */
export function isEventStream(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith('text/event-stream') === true
}
