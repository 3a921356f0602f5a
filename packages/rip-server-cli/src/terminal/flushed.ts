import type { Writable } from 'node:stream'

/**
 * Ends streams, and resolves when all that was written to them has been taken, or can no longer be. Bun's standard output
 * counts what a slow reader of a pipe has not taken yet as written (Bun 1.4.5), and `process.exit` would cut it off.
 */
export async function flushed(...streams: readonly Writable[]): Promise<void> {
  await Promise.all(
    streams.map((stream) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      stream.once('error', () => resolve())
      stream.end(() => resolve())
      return promise
    }),
  )
}
