import { readdirSync } from 'node:fs'
import { readText } from './read-text.ts'

/** A process and all that it and its descendants have started, as far as `/proc` tells (proc_tid_children(5)). */
export function withDescendants(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid).flatMap(withDescendants)]
}

/** Linux lists children per thread that started them. */
export function childrenOf(pid: number | 'self'): readonly number[] {
  return threadsOf(pid)
    .flatMap((thread) => (readText(`/proc/${pid}/task/${thread}/children`) ?? '').split(' '))
    .filter((text) => text !== '')
    .map(Number)
}

function threadsOf(pid: number | 'self'): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    // ENOENT: it has gone, or there is no /proc.
    return []
  }
}
