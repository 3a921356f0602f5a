import { closeSync, openSync, readSync } from 'node:fs'
import { LISTEN_STATE } from './listening-ports.ts'

/** Addresses in `/proc/net/tcp` of a little-endian processor at which `127.0.0.1` is reached. */
const FOR_127 = new Set(['0100007F', '00000000'])
/** `::1` and `::` in `/proc/net/tcp6`. */
const ONLY_V6 = '00000000000000000000000001000000'
const ANY_V6 = '00000000000000000000000000000000'
/** Linux hands out about a page at a time. */
const CHUNK_BYTES = 4_096

/**
 * Loopback address at which something listens on a TCP port, as Linux tells without a connection (proc_net(5)).
 *
 * @returns `undefined` where only a connection finds out: on other systems, and for `::`, which takes IPv4 or not
 */
export function loopbackListener(port: number): '127.0.0.1' | '::1' | 'none' | undefined {
  const v4 = listenersOf('tcp', port)
  if (v4 === undefined) return undefined
  if (v4.some((address) => FOR_127.has(address))) return '127.0.0.1'
  const v6 = listenersOf('tcp6', port) ?? []
  if (v6.includes(ANY_V6)) return undefined
  return v6.includes(ONLY_V6) ? '::1' : 'none'
}

/** Addresses of the listening sockets of a port. They come first: of thousands of connections nothing is read. */
function listenersOf(table: 'tcp' | 'tcp6', port: number): readonly string[] | undefined {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  const found: string[] = []
  try {
    for (const row of rowsOf(`/proc/self/net/${table}`)) {
      const [, local = '', , state] = row.trim().split(/\s+/)
      if (state !== LISTEN_STATE) break
      const [address = '', at] = local.split(':')
      if (at === wanted) found.push(address)
    }
    return found
  } catch {
    return undefined
  }
}

/** The lines of a file behind its heading, read as far as they are asked for. */
function* rowsOf(path: string): Generator<string> {
  const fd = openSync(path, 'r')
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES)
    let rest = ''
    let isHeading = true
    for (let count = readSync(fd, chunk); count > 0; count = readSync(fd, chunk)) {
      const lines = (rest + chunk.toString('latin1', 0, count)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (!isHeading) yield line
        isHeading = false
      }
    }
  } finally {
    closeSync(fd)
  }
}
