import { createReadStream } from 'node:fs'

/**
 * Watches the read end of a pipe whose write end only the parent holds: its end means that the parent is gone,
 * however it died. Does nothing without a descriptor.
 *
 * @param fd number of the descriptor, as text
 */
export function parentGone(fd: string | undefined, run: () => void): Disposable {
  if (fd === undefined || !/^\d+$/.test(fd)) return { [Symbol.dispose]() {} }
  const stream = createReadStream('', { fd: Number(fd), autoClose: false })
  stream.on('end', run)
  stream.on('error', run)
  stream.resume()
  return {
    [Symbol.dispose]() {
      stream.removeAllListeners()
      stream.destroy()
    },
  }
}
