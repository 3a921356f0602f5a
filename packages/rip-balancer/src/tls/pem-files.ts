import { readFileSync, statSync } from 'node:fs'

/** A file is looked at no more often than this. */
const CHECK_MS = 1_000

interface PemFile {
  readonly text: string
  readonly stamp: string
  checkedAtMs: number
}

/** PEM files that are read again when they have changed. */
export class PemFiles {
  private readonly warn: (message: string) => void
  private readonly known = new Map<string, PemFile>()

  /** @param warn called with the reason why a changed file is not read again */
  constructor(warn: (message: string) => void) {
    this.warn = warn
  }

  /** The file as it is, or as it was when it could be read. @throws when it never could */
  read(path: string): string {
    const known = this.known.get(path)
    const now = performance.now()
    if (known !== undefined && now - known.checkedAtMs < CHECK_MS) return known.text
    if (known !== undefined) known.checkedAtMs = now
    try {
      const stamp = stampOf(path)
      if (stamp === known?.stamp) return known.text
      const file = { text: readFileSync(path, 'utf8'), stamp, checkedAtMs: now }
      this.known.set(path, file)
      return file.text
    } catch (error) {
      if (known === undefined) throw error
      this.warn(`${path} is used as it was: ${(error as Error).message}`)
      return known.text
    }
  }
}

function stampOf(path: string): string {
  const { mtimeMs, size, ino } = statSync(path)
  return `${mtimeMs}:${size}:${ino}`
}
