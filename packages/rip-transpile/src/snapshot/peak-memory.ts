import { readFileSync } from 'node:fs'

/**
 * The most memory that this process has taken for itself: without the pages of files, which processes share, as far as those are
 * still there. Undefined where the system does not say. See proc_pid_status(5).
 */
export function ownPeakBytes(): number | undefined {
  const status = ownStatus()
  const [own, resident, most] = ['RssAnon', 'VmRSS', 'VmHWM'].map((name) => bytesIn(status, name))
  if (own === undefined || resident === undefined || most === undefined) return undefined
  return own + Math.max(0, most - resident)
}

function ownStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8')
  } catch {
    // ENOENT: no /proc, as on macOS.
    return ''
  }
}

function bytesIn(status: string, name: string): number | undefined {
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}
