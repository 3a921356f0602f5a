/**
 * A port that no process listens on, below the ports that the kernel gives to outgoing connections: one of our own
 * clients could otherwise hold it when a server is started again.
 */
export function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    try {
      Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } }).stop(true)
      return port
    } catch {
      // Taken.
    }
  }
}
