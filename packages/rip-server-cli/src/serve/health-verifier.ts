import type { Verifier } from '@rip/manager'

/** Longest answer to one question after the application's health. */
const ANSWER_TIMEOUT_MS = 5_000

/** Asks a candidate for its health path; anything but 2xx keeps it from serving. */
export class HealthVerifier implements Verifier {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  async verify(socket: string, options: { readonly signal: AbortSignal }): Promise<string | undefined> {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)])
    try {
      const response = await fetch(`http://localhost${this.#path}`, {
        unix: socket,
        redirect: 'manual',
        keepalive: false,
        signal,
      })
      await response.body?.cancel()
      return response.ok ? undefined : `${this.#path} answers ${response.status}, expected 2xx`
    } catch (error) {
      options.signal.throwIfAborted()
      const reason = signal.aborted ? `no answer within ${ANSWER_TIMEOUT_MS} ms` : (error as Error).message
      return `${this.#path} does not answer: ${reason}`
    }
  }
}
