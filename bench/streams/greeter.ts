/**
 * Listens, says to each client what a server of HTTP/2 says first, and ignores what it is told: what the runtime takes for a connection.
 *
 *   bun bench/streams/greeter.ts PORT [CERT KEY]
 */
const [, , port, cert, key] = process.argv
/** SETTINGS, and the acknowledgement of those of the client. */
const GREETING = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0])
const ALPN = { ALPNProtocols: Buffer.from('\x02h2', 'latin1') }

Bun.listen<{ isGreeted: boolean }>({
  hostname: '127.0.0.1',
  port: Number(port),
  ...(cert !== undefined &&
    key !== undefined && { tls: { cert: Bun.file(cert), key: Bun.file(key), ...ALPN } }),
  socket: {
    open: (socket) => void (socket.data = { isGreeted: false }),
    data(socket) {
      if (socket.data.isGreeted) return
      socket.data.isGreeted = true
      socket.write(GREETING)
    },
  },
})
console.log('ready')
