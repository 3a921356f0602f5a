import { readdirSync, readFileSync, statSync } from 'node:fs'

/**
 * Files and connections that a process can still open, as Linux tells; 0 also where we can open nothing to find out, and
 * `undefined` elsewhere.
 */
export function freeDescriptors(pid: number): number | undefined {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1]
    return limit === undefined ? undefined : Math.max(0, Number(limit) - openDescriptors(pid))
  } catch (error) {
    // ENOENT: it has ended, or there is no `/proc`. EACCES: it is another user's.
    return (error as NodeJS.ErrnoException).code === 'EMFILE' ? 0 : undefined
  }
}

/** The size of the folder, from Linux 6.2 on; it is read before. */
function openDescriptors(pid: number): number {
  const folder = `/proc/${pid}/fd`
  return statSync(folder).size || readdirSync(folder).length
}
