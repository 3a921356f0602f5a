import {
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { CompileResult, SourceMap } from '../adapter.ts'
import { DEFAULT_CACHE_MAX_BYTES } from '../defaults.ts'

/** A compilation as it is kept: without what its source already says. */
export interface CachedResult extends Omit<CompileResult, 'map'> {
  readonly map?: Pick<SourceMap, 'names' | 'mappings'>
}

export interface CompileCacheOptions {
  /** An existing folder for this purpose alone. */
  readonly folder: string
  /** Oldest entries go when the folder holds more. @default 256 MiB */
  readonly maxBytes?: number
}

/** Prefix of keys whose write trims the folder: measuring a full folder takes long, and one write in 256 is enough. */
const TRIMMING_KEYS = '00'
/** An entry that is read is marked as used at most this often. */
const TOUCH_INTERVAL_MS = 24 * 3_600_000
/** A temporary file of this age was left by a process that died. */
const ABANDONED_MS = 3_600_000

/**
 * Compiled code in files named by a hash of everything that led to it, so that an entry is never outdated,
 * only unused. Any number of processes may share the folder: entries appear by an atomic rename, and one
 * that is damaged counts as missing. Trouble with the folder never fails a compilation.
 */
export class CompileCache {
  readonly #folder: string
  readonly #maxBytes: number
  #writes = 0
  #hits = 0
  #misses = 0

  constructor(options: CompileCacheOptions) {
    this.#folder = options.folder
    this.#maxBytes = options.maxBytes ?? DEFAULT_CACHE_MAX_BYTES
  }

  /** Reads that found an entry, and those that did not. */
  get counts(): { readonly hits: number; readonly misses: number } {
    return { hits: this.#hits, misses: this.#misses }
  }

  read(key: string): CachedResult | undefined {
    const found = readEntry(join(this.#folder, key))
    if (found) this.#hits++
    else this.#misses++
    return found
  }

  write(key: string, result: CachedResult): void {
    const path = join(this.#folder, key)
    try {
      const temporary = `${path}.${process.pid}.${this.#writes++}.tmp`
      writeFileSync(temporary, encode(result), { mode: 0o600 })
      renameSync(temporary, path)
      if (key.startsWith(TRIMMING_KEYS)) this.trim()
    } catch {
      // A full disk or a folder that is gone: the result is still returned to the caller.
    }
  }

  /** Removes leftovers, and the entries not used for longest until the folder is three quarters full. */
  trim(): void {
    const entries = listEntries(this.#folder)
    let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
    if (bytes <= this.#maxBytes) return
    for (const entry of entries.toSorted((a, b) => a.usedMs - b.usedMs)) {
      if (bytes <= this.#maxBytes * 0.75) return
      rmSync(entry.path, { force: true })
      bytes -= entry.bytes
    }
  }
}

function encode(result: CachedResult): string {
  const body = JSON.stringify(result)
  return `${checksum(body)}\n${body}`
}

function readEntry(path: string): CachedResult | undefined {
  try {
    const text = readFileSync(path, 'utf8')
    const newline = text.indexOf('\n')
    const body = text.slice(newline + 1)
    if (text.slice(0, newline) !== checksum(body)) return discard(path)
    touch(path)
    return JSON.parse(body) as CachedResult
  } catch {
    // Not there yet.
    return undefined
  }
}

function checksum(text: string): string {
  return Bun.hash(text).toString(36)
}

function discard(path: string): undefined {
  unlinkSync(path)
}

function touch(path: string): void {
  const nowMs = Date.now()
  if (nowMs - statSync(path).mtimeMs < TOUCH_INTERVAL_MS) return
  utimesSync(path, nowMs / 1000, nowMs / 1000)
}

interface Entry {
  readonly path: string
  readonly bytes: number
  readonly usedMs: number
}

function listEntries(folder: string): Entry[] {
  const entries: Entry[] = []
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const state = statSync(path, { throwIfNoEntry: false })
    if (!state) continue
    const abandoned = name.endsWith('.tmp') && Date.now() - state.mtimeMs > ABANDONED_MS
    if (abandoned) rmSync(path, { force: true })
    else entries.push({ path, bytes: state.size, usedMs: state.mtimeMs })
  }
  return entries
}
