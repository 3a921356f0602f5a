import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { TlsMaterial } from './tls-source.ts'

/** The certificate and key that serve, in one file that only its owner can read. */
export class KeptPair {
  private readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** `undefined` when none was kept, or none can be read. */
  read(): TlsMaterial | undefined {
    try {
      const { cert, key } = JSON.parse(readFileSync(this.path, 'utf8')) as Partial<TlsMaterial>
      return cert === undefined || key === undefined ? undefined : { cert, key }
    } catch {
      // ENOENT: this is the first balancer of its server.
      return undefined
    }
  }

  write({ cert, key }: TlsMaterial): void {
    const temporary = `${this.path}.${crypto.randomUUID()}`
    try {
      writeFileSync(temporary, JSON.stringify({ cert, key }), { mode: 0o600, flag: 'wx' })
      renameSync(temporary, this.path)
    } catch {
      // ENOSPC, EACCES: the next balancer has what is on disk.
      if (existsSync(temporary)) rmSync(temporary)
    }
  }
}
