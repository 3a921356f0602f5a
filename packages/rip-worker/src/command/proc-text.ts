import { readFileSync } from 'node:fs'

/** The text of a file below `/proc`; empty when the process has ended, or the system has no such file. */
export function procText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
