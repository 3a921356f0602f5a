import { fstatSync } from 'node:fs'

/** What a parent says through the pipe, one word a line. */
export const LEAVE_ORDER = 'leave\n'
export const NOW_ORDER = 'now\n'

export interface ParentOrders {
  /** Finish what is under way, then leave. Also said by the end of the pipe: the parent is gone, however it died. */
  leave(): void
  /** Leave at once. */
  now(): void
}

/**
 * Follows the read end of a pipe whose write end only the parent holds. Does nothing without a descriptor.
 *
 * @param fd number of the descriptor, as text
 */
export function parentPipe(fd: string | undefined, orders: ParentOrders): Disposable {
  if (fd === undefined || !/^\d+$/.test(fd)) return { [Symbol.dispose]() {} }
  let isOver = false
  let text = ''
  const take = (piece: string): void => {
    // No order is longer.
    text = (text + piece).slice(-LEAVE_ORDER.length)
    if (isOver) return
    if (text.endsWith(LEAVE_ORDER)) orders.leave()
    if (text.endsWith(NOW_ORDER)) orders.now()
  }
  const end = (): void => {
    if (!isOver) orders.leave()
    isOver = true
  }
  const reading = isSocket(Number(fd)) ? readSocket(Number(fd), take, end) : readStream(Number(fd), take, end)
  return {
    [Symbol.dispose]() {
      isOver = true
      reading[Symbol.dispose]()
    },
  }
}

/** What `Bun.spawn` calls a pipe is a socket; reading it as such takes no streams, which are ten milliseconds of a start. */
function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket()
  } catch {
    // EBADF, of which the stream tells.
    return false
  }
}

function readSocket(fd: number, take: (piece: string) => void, end: () => void): Disposable {
  const options: Bun.FdSocketOptions = {
    fd,
    socket: { data: (_, bytes) => take(bytes.toString('latin1')), end, close: end, error: end },
  }
  // Bun knows these options, the declaration of `connect` does not.
  const connected = Bun.connect(options as never)
  connected.catch(end)
  // The descriptor stays, and the process with it as long as it has something else to do.
  return { [Symbol.dispose]: () => void connected.then((socket) => socket.unref()).catch(() => {}) }
}

function readStream(fd: number, take: (piece: string) => void, end: () => void): Disposable {
  const { createReadStream } = process.getBuiltinModule('node:fs')
  const stream = createReadStream('', { fd, autoClose: false, encoding: 'latin1' })
  stream.on('data', (piece) => take(String(piece)))
  stream.on('end', end)
  stream.on('error', end)
  return {
    [Symbol.dispose]() {
      stream.removeAllListeners()
      stream.destroy()
    },
  }
}
