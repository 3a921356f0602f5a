/** Process at the other end of a connection, by its descriptor; undefined where the system does not say. */
export type PeerPid = (descriptor: number) => number | undefined

/** Whether the process at the other end is this one, as far as the system says. */
export function isProcess(socket: object, pid: number, peerPid: PeerPid | undefined): boolean {
  if (peerPid === undefined) return true
  const { fd } = socket as { readonly fd?: unknown }
  const peer = typeof fd === 'number' ? peerPid(fd) : undefined
  return peer === undefined || peer === pid
}
