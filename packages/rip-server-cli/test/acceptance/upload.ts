import { connect } from 'node:net'

export interface UploadPace {
  readonly bytes: number
  readonly chunkBytes: number
  readonly everyMs: number
}

/** Sends a body in small pieces; resolves with the answer, up to the end of the connection. */
export async function upload(port: number, { bytes, chunkBytes, everyMs }: UploadPace): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  const ended = Promise.withResolvers<void>()
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => (answer += text))
  socket.on('close', () => ended.resolve())
  // A reset shows as a missing answer; 'close' follows.
  socket.on('error', () => {})
  socket.write(`POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n`)
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += chunkBytes) {
    socket.write(Buffer.alloc(Math.min(chunkBytes, bytes - sent), 120))
    await Bun.sleep(everyMs)
  }
  await ended.promise
  return answer
}
