import { createReadStream } from 'node:fs'

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
  const stream = createReadStream('', { fd: Number(fd), autoClose: false, encoding: 'latin1' })
  let text = ''
  stream.on('data', (piece) => {
    // No order is longer.
    text = (text + String(piece)).slice(-LEAVE_ORDER.length)
    if (text.endsWith(LEAVE_ORDER)) orders.leave()
    if (text.endsWith(NOW_ORDER)) orders.now()
  })
  stream.on('end', () => orders.leave())
  stream.on('error', () => orders.leave())
  return {
    [Symbol.dispose]() {
      stream.removeAllListeners()
      stream.destroy()
    },
  }
}
