import type { Backend } from '../upstream/backend.ts'
import type { PooledBackend } from './pooled-backend.ts'
import { PerList } from './per-list.ts'

/** Characters of a name: 96 bits in base64url. */
const NAME_LENGTH = 16

/**
 * Names of backends in cookies: without the key, a client can neither tell which backend a name stands for nor guess a
 * name.
 */
export class StickyNames {
  private key: string
  private known = new WeakMap<Backend, string>()
  private indexes = new PerList((backends) => this.index(backends))

  /** @param key secret */
  constructor(key: string = randomStickyKey()) {
    this.key = key
  }

  /** Another key makes all names others. */
  use(key: string): void {
    if (key === this.key) return
    this.key = key
    this.known = new WeakMap()
    this.indexes = new PerList((backends) => this.index(backends))
  }

  of(backend: Backend): string {
    const known = this.known.get(backend)
    if (known !== undefined) return known
    const name = hmac(this.key, backend.id).slice(0, NAME_LENGTH)
    this.known.set(backend, name)
    return name
  }

  find(backends: readonly PooledBackend[], name: string): PooledBackend | undefined {
    return this.indexes.of(backends).get(name)
  }

  private index(backends: readonly PooledBackend[]): ReadonlyMap<string, PooledBackend> {
    return new Map(backends.map((backend) => [this.of(backend), backend]))
  }
}

/**
 * Not `Bun.CryptoHasher`, which throws, with a key, once after a certificate could not be read anywhere in the process
 * (Bun 1.4.5).
 */
function hmac(key: string, text: string): string {
  const { createHmac } = process.getBuiltinModule('node:crypto')
  return createHmac('sha256', key).update(text).digest('base64url')
}

export function randomStickyKey(): string {
  return crypto.getRandomValues(Buffer.alloc(32)).toString('base64url')
}
