import { fstatSync } from 'node:fs'

/**
 * Calls back when the other end of standard input is closed. A supervisor keeps it open for as long as it
 * lives, so the end tells of its death even when it had no time to say so. Anything but a pipe is left alone.
 */
export function onSupervisorPipeEnd(ended: () => void): void {
  if (!isPipe()) return
  void readToEnd().then(ended)
}

function isPipe(): boolean {
  try {
    const stats = fstatSync(0)
    return stats.isFIFO() || stats.isSocket()
  } catch {
    // EBADF: started without a standard input.
    return false
  }
}

async function readToEnd(): Promise<void> {
  const reader = Bun.stdin.stream().getReader()
  try {
    while (!(await reader.read()).done);
  } catch {
    // ECONNRESET and its kind: the other end is as gone as at a proper end.
  }
}
