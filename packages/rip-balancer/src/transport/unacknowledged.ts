import { cLibrary } from './c-library.ts'
import { once } from './once.ts'

/** `ioctl` request for the bytes in the send queue of a socket; see tcp(7). */
const SIOCOUTQ = 0x5411

const answer = new Int32Array(1)
const ask = once(open)

/**
 * Bytes the kernel holds for a peer that has not acknowledged them. A kernel takes megabytes for a peer that reads
 * nothing, so what it took does not say how fast the peer reads.
 *
 * @returns 0 where the system cannot be asked
 */
export function unacknowledgedBytes(fd: number): number {
  return ask()(fd)
}

function open(): (fd: number) => number {
  const library = cLibrary({ ioctl: { args: ['i32', 'u64', 'buffer'], returns: 'i32' } })
  if (library === undefined) return () => 0
  return (fd) => (library.ioctl(fd, SIOCOUTQ, answer) === 0 ? answer[0]! : 0)
}
