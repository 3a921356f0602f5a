const PAUSE_MS = 10

/** Downloads with one read every ten milliseconds. @returns bytes received */
export async function readSlowly(port: number, path: string, onRead: () => void): Promise<number> {
  const ended = Promise.withResolvers<void>()
  let bytes = 0
  await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: (socket) =>
        void socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`),
      data(socket, chunk) {
        bytes += chunk.length
        onRead()
        socket.pause()
        setTimeout(() => socket.resume(), PAUSE_MS)
      },
      close: () => ended.resolve(),
      error: (_socket, error) => ended.reject(error),
    },
  })
  await ended.promise
  return bytes
}
