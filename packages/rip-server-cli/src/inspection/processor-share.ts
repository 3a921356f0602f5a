import { readFile } from 'node:fs/promises'

const WATCHED_MS = 250
/** Clock ticks of a second; Linux tells times in this unit on every platform (`man 5 proc`). */
const TICKS_PER_SECOND = 100

/** How much of a processor a process uses at the moment: 1 is all of one; `undefined` where Linux is not there to tell. */
export async function processorShare(pid: number | null): Promise<number | undefined> {
  const before = await ticksOf(pid)
  if (before === undefined) return undefined
  const startedMs = performance.now()
  await Bun.sleep(WATCHED_MS)
  const after = await ticksOf(pid)
  if (after === undefined) return undefined
  return (after - before) / TICKS_PER_SECOND / ((performance.now() - startedMs) / 1_000)
}

async function ticksOf(pid: number | null): Promise<number | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may have spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12])
  } catch {
    // The process has ended, or this is not Linux.
    return undefined
  }
}
