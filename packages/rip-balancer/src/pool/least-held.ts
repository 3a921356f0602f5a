import type { Member } from './member.ts'
import type { Eligible } from './member.ts'
import type { Policy, PolicyName } from './policy.ts'

/**
 * For what lasts long: the member that has the fewest tunnels, event streams and requests for its weight, round robin
 * among equals. So they are spread evenly, also after a member was replaced and its clients came back. Requests count,
 * so that announcing a long life wins nothing.
 */
export class LeastHeld implements Policy {
  private next = 0

  choose(members: readonly Member[], eligible: Eligible): Member | undefined {
    let best: Member | undefined
    let bestAt = 0
    for (let step = 0; step < members.length; step++) {
      const at = (this.next + step) % members.length
      const member = members[at]!
      if (best !== undefined && loadWithOneMore(member) >= loadWithOneMore(best)) continue
      if (!eligible(member)) continue
      best = member
      bestAt = at
    }
    if (best !== undefined) this.next = bestAt + 1
    return best
  }
}

const loadWithOneMore = (member: Member): number => (member.underWay + 1) / member.weight

/** Whether the policy says which client belongs to which backend, for whatever it asks. */
export function bindsClients(name: PolicyName): boolean {
  return name === 'hash' || name === 'sticky'
}
