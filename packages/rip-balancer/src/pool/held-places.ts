import { DEFAULT_LIMITS } from '../defaults.ts'
import type { LongLived } from './claim.ts'
import type { Member } from './member.ts'

/** Tunnels and event streams that backends hold. They take no place of a request, and are limited by themselves. */
export class HeldPlaces {
  /** The most that one backend holds. */
  maxPerBackend: number = DEFAULT_LIMITS.maxLongLivedPerBackend
  private total = 0

  /** Whether no backend holds any. */
  get isEmpty(): boolean {
    return this.total === 0
  }

  hasRoom(member: Member): boolean {
    return member.longLived < this.maxPerBackend
  }

  add(member: Member, kind: LongLived): void {
    member.held[kind]++
    this.total++
  }

  /** @throws when the backend holds none */
  remove(member: Member, kind: LongLived): void {
    if (member.held[kind] === 0) throw new Error(`${member.id} was let go of more often than it was held`)
    member.held[kind]--
    this.total--
  }
}
