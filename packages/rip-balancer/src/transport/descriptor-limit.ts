import { closeSync, openSync, readFileSync } from 'node:fs'

/** Descriptors for everything that is not a connection: files, sockets of the runtime, the moment of a refusal. */
const RESERVE = 64
/** A client connection may need one to a backend. */
const DESCRIPTORS_PER_CLIENT = 2

/**
 * Client connections the process has descriptors for. A listening socket whose process has none left stays readable
 * and spins, so connections are refused before that happens.
 *
 * @param limits text of `/proc/self/limits` (proc_pid_limits(5)); elsewhere there is no bound to be known
 */
export function connectionsForDescriptors(limits: string | undefined = readLimits()): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits ?? '')?.[1]
  if (soft === undefined) return Number.POSITIVE_INFINITY
  return Math.max(1, Math.floor((Number(soft) - RESERVE) / DESCRIPTORS_PER_CLIENT))
}

/** Whether this process can open nothing more: the runtime reports that as a connection that was refused. */
export function lacksDescriptors(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'))
    return false
  } catch (error) {
    const { code } = error as { code?: string }
    return code === 'EMFILE' || code === 'ENFILE'
  }
}

function readLimits(): string | undefined {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    // Not Linux: there is no such file.
    return undefined
  }
}
