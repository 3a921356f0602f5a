/** The runtime's `Bun.serve`, which the worker replaces for the application. */
export const ownServe: typeof Bun.serve = Bun.serve

/**
 * Runs code that listens for the worker, as `node:http` does by `Bun.serve`. The server listens in plain text, even if
 * it was made for TLS, which ends in front of the worker.
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
