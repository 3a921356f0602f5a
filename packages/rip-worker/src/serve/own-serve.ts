/** `Bun.serve` as it was before the application's calls of it were caught. */
export const ownServe: typeof Bun.serve = Bun.serve

/**
 * Runs code that listens for the worker, as `node:http` does by `Bun.serve`. It listens in plain text, whatever it
 * was made for: TLS ends in front of the worker.
 */
export function withOwnServe<T>(open: () => T): T {
  const caught = Bun.serve
  const plain = (options: object): unknown => ownServe({ ...options, tls: undefined } as never)
  Bun.serve = plain as typeof Bun.serve
  try {
    return open()
  } finally {
    Bun.serve = caught
  }
}
