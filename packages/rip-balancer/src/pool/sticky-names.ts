import { createHmac, randomBytes } from 'node:crypto'
import type { Backend } from './claim.ts'
import type { Member } from './member.ts'
import { PerList } from './per-list.ts'

/** Of 96 bits. */
const NAME_LENGTH = 16

/** What backends are called in cookies: nobody without the key can tell which one a name stands for, or find one out. */
export class StickyNames {
  readonly key: string
  private readonly known = new WeakMap<Backend, string>()
  private readonly indexes = new PerList(
    (members) => new Map(members.map((member) => [this.of(member), member])),
  )

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

  find(members: readonly Member[], name: string): Member | undefined {
    return this.indexes.of(members).get(name)
  }
}

export function randomStickyKey(): string {
  return randomBytes(32).toString('base64url')
}
