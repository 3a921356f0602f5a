/**
 * Opens keep-alive connections that serve one request and then stay silent, as those of browsers do. Disposing closes
 * them.
 */
export async function openIdle(base: string, count: number): Promise<Disposable> {
  const { hostname, port, host } = new URL(base)
  const sockets: Array<{ end(): void }> = []
  const request = `GET /small HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  const openOne = (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open: (socket) => void socket.write(request),
        data: () => resolve(),
        close: () => reject(new Error('an idle connection was closed before its answer')),
        error: (_socket, error) => reject(error),
      },
    }).then((socket) => sockets.push(socket), reject)
    return promise
  }
  for (let opened = 0; opened < count; opened += 50) {
    await Promise.all(Array.from({ length: Math.min(50, count - opened) }, openOne))
  }
  return { [Symbol.dispose]: () => sockets.forEach((socket) => socket.end()) }
}
