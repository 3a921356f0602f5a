import { readdirSync, readlinkSync } from 'node:fs'
import { procText } from './proc-text.ts'

/** A TCP port that a process listens on. */
export interface ListeningPort {
  readonly port: number
  /** Whether other machines reach it, unless something is in the way. */
  readonly isPublic: boolean
}

/** State of a socket that listens, in `/proc/net/tcp`. */
export const LISTEN_STATE = '0A'
/** `127.0.0.1` and `::1`, as in `/proc/net/tcp` and `/proc/net/tcp6` of a little-endian processor. */
const LOOPBACK = new Set(['0100007F', '00000000000000000000000001000000', '0000000000000000FFFF00000100007F'])

/** TCP ports that these processes listen on, as Linux tells (proc_net(5)); none elsewhere. */
export function listeningPorts(pids: readonly number[]): readonly ListeningPort[] {
  const sockets = new Set(pids.flatMap(socketsOf))
  const ports = ['tcp', 'tcp6'].flatMap((table) => listening(table, sockets))
  const byPort = Map.groupBy(ports, ({ port }) => port)
  return [...byPort].map(([port, all]) => ({ port, isPublic: all.some(({ isPublic }) => isPublic) }))
}

function listening(table: string, sockets: ReadonlySet<string>): readonly ListeningPort[] {
  return procText(`/proc/self/net/${table}`)
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN_STATE && sockets.has(fields[9] ?? ''))
    .map(([, local = '']) => {
      const [address = '', port = ''] = local.split(':')
      return { port: parseInt(port, 16), isPublic: !LOOPBACK.has(address) }
    })
}

/** Inodes of the sockets that a process has open. */
function socketsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1]
      return inode === undefined ? [] : [inode]
    })
  } catch {
    // It has ended, or is another user's.
    return []
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
