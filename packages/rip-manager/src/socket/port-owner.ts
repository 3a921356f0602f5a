import { readText } from '../system/read-text.ts'
import { namesIn } from '../system/names-in.ts'
import { linkTarget } from '../system/link-target.ts'

const LISTEN_STATE = '0A'

/**
 * Who listens on a TCP port, such as `node (process 123)`, as far as `/proc` lets us see (proc_pid_net(5));
 * `undefined` when it does not.
 */
export function portOwner(port: number): string | undefined {
  const pid = socketHolder(listeningInodes(port))
  if (pid === undefined) return undefined
  const program = readText(`/proc/${pid}/comm`)?.trim()
  return program === undefined ? `process ${pid}` : `${program} (process ${pid})`
}

function listeningInodes(port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((table) => (readText(table) ?? '').split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(suffix) === true && state === LISTEN_STATE)
    .map((columns) => columns[9] ?? '')
}

function socketHolder(inodes: readonly string[]): string | undefined {
  if (inodes.length === 0) return undefined
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`))
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .find((pid) =>
      namesIn(`/proc/${pid}/fd`).some((fd) => wanted.has(linkTarget(`/proc/${pid}/fd/${fd}`) ?? '')),
    )
}
