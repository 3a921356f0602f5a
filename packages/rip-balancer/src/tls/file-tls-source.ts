import { readFileSync, statSync } from 'node:fs'
import type { TlsMaterial, TlsSource } from './tls-source.ts'

/** How often the files are looked at. */
const CHECK_MS = 1_000

export interface FileTlsSourceOptions {
  readonly certFile: string
  readonly keyFile: string
  /** Told why changed files are not used; the previous certificate stays. */
  readonly onProblem?: (error: Error) => void
}

/**
 * Certificate and key from PEM files. When they change, the new pair is checked and handed on; a pair that does
 * not fit together, as in the middle of a renewal, is left alone until it does.
 */
export class FileTlsSource implements TlsSource, Disposable {
  private readonly options: FileTlsSourceOptions
  private material: TlsMaterial
  private stamp: string
  private readonly listeners = new Set<() => void>()
  private readonly timer: ReturnType<typeof setInterval>

  /** @throws when the files cannot be read or do not fit together */
  constructor(options: FileTlsSourceOptions) {
    this.options = options
    this.stamp = this.readStamp()
    this.material = this.load()
    this.timer = setInterval(() => this.check(), CHECK_MS)
    this.timer.unref()
  }

  current(): TlsMaterial {
    return this.material
  }

  subscribe(changed: () => void): () => void {
    this.listeners.add(changed)
    return () => this.listeners.delete(changed)
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer)
    this.listeners.clear()
  }

  private check(): void {
    try {
      const stamp = this.readStamp()
      if (stamp === this.stamp) return
      this.stamp = stamp
      this.material = this.load()
      for (const changed of this.listeners) changed()
    } catch (error) {
      this.options.onProblem?.(error as Error)
    }
  }

  private readStamp(): string {
    const { certFile, keyFile } = this.options
    return [certFile, keyFile]
      .map((file) => statSync(file))
      .map(({ mtimeMs, size, ino }) => `${mtimeMs}:${size}:${ino}`)
      .join(' ')
  }

  private load(): TlsMaterial {
    const cert = readFileSync(this.options.certFile, 'utf8')
    const key = readFileSync(this.options.keyFile, 'utf8')
    process.getBuiltinModule('node:tls').createSecureContext({ cert, key })
    return { cert, key }
  }
}
