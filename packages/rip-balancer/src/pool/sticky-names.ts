import { createHmac, randomBytes } from 'node:crypto'
import type { Backend } from './claim.ts'
import type { Member } from './member.ts'

/** Of 96 bits. */
const NAME_LENGTH = 16

/** What backends are called in cookies: nobody without the key can tell which one a name stands for, or find one out. */
export class StickyNames {
  readonly key: string
  private readonly known = new WeakMap<Backend, string>()
  private readonly indexes = new WeakMap<readonly Member[], ReadonlyMap<string, Member>>()

  /** @param key secret */
  constructor(key: string = randomStickyKey()) {
    this.key = key
  }

  of(backend: Backend): string {
    const known = this.known.get(backend)
    if (known !== undefined) return known
    const name = createHmac('sha256', this.key).update(backend.id).digest('base64url').slice(0, NAME_LENGTH)
    this.known.set(backend, name)
    return name
  }

  /** @param members a list that does not change */
  find(members: readonly Member[], name: string): Member | undefined {
    return (this.indexes.get(members) ?? this.index(members)).get(name)
  }

  private index(members: readonly Member[]): ReadonlyMap<string, Member> {
    const index = new Map(members.map((member) => [this.of(member), member]))
    this.indexes.set(members, index)
    return index
  }
}

export function randomStickyKey(): string {
  return randomBytes(32).toString('base64url')
}
