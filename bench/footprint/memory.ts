import { readFileSync } from 'node:fs'

/** Resident memory of a process by proc_pid_smaps(5), in bytes. */
export interface Memory {
  readonly rss: number
  /** Part of `rss` that is code and constants of the Bun executable, shared by all processes. */
  readonly executable: number
  /** `rss` with each page divided by the number of processes that share it. */
  readonly pss: number
  /** Part of `rss` that no other process shares. */
  readonly private: number
}

export function memoryOf(pid: number): Memory {
  const memory = { rss: 0, executable: 0, pss: 0, private: 0 }
  let executable = false
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const mapping = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+\s*(.*)$/.exec(line)
    if (mapping !== null) executable = mapping[1] === process.execPath
    const [, name, kilobytes] = /^(Rss|Pss|Private_Clean|Private_Dirty):\s+(\d+) kB$/.exec(line) ?? []
    const bytes = Number(kilobytes) * 1024
    if (name === 'Rss') memory.rss += bytes
    if (name === 'Rss' && executable) memory.executable += bytes
    if (name === 'Pss') memory.pss += bytes
    if (name?.startsWith('Private') === true) memory.private += bytes
  }
  return memory
}

/** The median by resident memory. */
export function median(memories: readonly Memory[]): Memory {
  return memories.toSorted((a, b) => a.rss - b.rss)[memories.length >> 1]!
}
