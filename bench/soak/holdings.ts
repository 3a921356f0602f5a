import { readFileSync } from 'node:fs'
import { commandOf, descriptorsOf } from '@rip/testing'

/** Resources of a process, by proc(5). */
export interface Holdings {
  readonly command: string
  readonly rssMiB: number
  readonly descriptors: number
  readonly threads: number
}

export function holdingsOf(pid: number): Holdings {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
  return {
    command: commandOf(pid),
    rssMiB: Math.round(field('VmRSS') / 102.4) / 10,
    descriptors: descriptorsOf(pid),
    threads: field('Threads'),
  }
}
