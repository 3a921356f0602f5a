import { cLibrary } from '../transport/c-library.ts'

/** setsockopt(2) of Linux. */
const SOL_SOCKET = 1
const SO_BINDTOIFINDEX = 62
/** No network device has this number. */
const NO_DEVICE = 0x7fff_ffff
/** shutdown(2) */
const SHUT_RD = 0
const INT_BYTES = 4

/**
 * Has the system refuse new connections to a listening socket, while those that wait in its queue can still be accepted:
 * closing the socket would reset them. A TCP socket that is bound to a device that is not there gets no more of them, and
 * one that is about to be made is finished. Returns false where the system cannot do that: then nothing has changed.
 */
export function turnAway(fd: number, kind: 'tcp' | 'unix'): boolean {
  const library = cLibrary({
    setsockopt: { args: ['i32', 'i32', 'i32', 'buffer', 'u32'], returns: 'i32' },
    shutdown: { args: ['i32', 'i32'], returns: 'i32' },
  })
  if (library === undefined) return false
  if (kind === 'unix') return library.shutdown(fd, SHUT_RD) === 0
  const device = new DataView(new ArrayBuffer(INT_BYTES))
  device.setInt32(0, NO_DEVICE, true)
  return library.setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, device, INT_BYTES) === 0
}
