import { cLibrary } from './c-library.ts'
import { once } from './once.ts'

const SOL_SOCKET = 1
const SO_SNDBUF = 7
const INT_BYTES = 4

type SetOption = (fd: number, bytes: Int32Array) => void

const set = once(open)

/**
 * Asks for a send buffer of that size; the kernel doubles it and bounds it by `net.core.wmem_max`, see socket(7). Not
 * for TCP, where the kernel finds a size by itself if no program names one. Does nothing where the system cannot be asked.
 */
export function enlargeSendBuffer(fd: number, bytes: number): void {
  set()(fd, Int32Array.of(bytes))
}

function open(): SetOption {
  const library = cLibrary({
    setsockopt: { args: ['i32', 'i32', 'i32', 'buffer', 'i32'], returns: 'i32' },
  })
  return (fd, bytes) => void library?.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, bytes, INT_BYTES)
}
