import type { CLibrary } from './c-library.ts'

/** `SO_PEERCRED` of unix(7), or `LOCAL_PEERPID` of macOS. */
const PEER = process.platform === 'darwin' ? { level: 0, option: 2 } : { level: 1, option: 17 }
/** Room for `struct ucred`, which begins with the process. */
const VALUE_BYTES = 12

/** Which process is at the other end of a Unix socket, by the word of the kernel; undefined when it does not say. */
export function peerPid(library: CLibrary, descriptor: number): number | undefined {
  const value = new DataView(new ArrayBuffer(VALUE_BYTES))
  const length = new DataView(new ArrayBuffer(4))
  length.setInt32(0, VALUE_BYTES, true)
  const failed = library.getsockopt(descriptor, PEER.level, PEER.option, value, length) < 0
  return failed ? undefined : value.getInt32(0, true) || undefined
}
