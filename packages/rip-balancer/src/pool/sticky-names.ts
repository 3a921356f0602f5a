import type { Backend } from './claim.ts'
import type { Member } from './member.ts'
import { PerList } from './per-list.ts'

/** Of 96 bits. */
const NAME_LENGTH = 16

/** What backends are called in cookies: nobody without the key can tell which one a name stands for, or find one out. */
export class StickyNames {
  private key: string
  private known = new WeakMap<Backend, string>()
  private indexes = new PerList((members) => this.index(members))

  /** @param key secret */
  constructor(key: string = randomStickyKey()) {
    this.key = key
  }

  /** Another key makes all names others. */
  use(key: string): void {
    if (key === this.key) return
    this.key = key
    this.known = new WeakMap()
    this.indexes = new PerList((members) => this.index(members))
  }

  of(backend: Backend): string {
    const known = this.known.get(backend)
    if (known !== undefined) return known
    const name = new Bun.CryptoHasher('sha256', this.key)
      .update(backend.id)
      .digest('base64url')
      .slice(0, NAME_LENGTH)
    this.known.set(backend, name)
    return name
  }

  find(members: readonly Member[], name: string): Member | undefined {
    return this.indexes.of(members).get(name)
  }

  private index(members: readonly Member[]): ReadonlyMap<string, Member> {
    return new Map(members.map((member) => [this.of(member), member]))
  }
}

export function randomStickyKey(): string {
  return crypto.getRandomValues(Buffer.alloc(32)).toString('base64url')
}
