import type { CLibrary } from './c-library.ts'

const MADV_DONTNEED = 4

/**
 * Gives back the pages of the executable that only booting needed: about a third of an idle worker's resident memory.
 *
 * They are mapped from a file and never written to. What is needed again the kernel maps from its page cache, sixteen
 * pages at a time; it may use the rest for others. Linux only; does nothing where the mappings cannot be read.
 */
export async function giveBackBootPages(library: CLibrary): Promise<void> {
  if (process.platform !== 'linux') return
  const mappings = await Bun.file('/proc/self/maps')
    .text()
    .catch(() => '')
  for (const { address, length } of codeMappings(mappings, process.execPath))
    library.madvise(address, length, MADV_DONTNEED)
}

interface Mapping {
  readonly address: number
  /** In bytes. */
  readonly length: number
}

/** Private mappings of the file that are read and executed but not written, from proc_pid_maps(5). */
export function codeMappings(maps: string, file: string): readonly Mapping[] {
  return maps.split('\n').flatMap((line) => {
    const [, from, to, path] = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \S+ +(.+)$/.exec(line) ?? []
    if (from === undefined || to === undefined || path !== file) return []
    const address = Number.parseInt(from, 16)
    return [{ address, length: Number.parseInt(to, 16) - address }]
  })
}
