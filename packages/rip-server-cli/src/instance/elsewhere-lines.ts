import { userInfo } from 'node:os'
import type { InstanceElsewhere } from '@rip/manager'
import { userNameOf } from '@rip/server/sources'

/** More of them are counted. */
const MOST_NAMED = 20

/** Instances that were not looked for, a line each, with what to type to reach them. */
export function elsewhereLines(
  found: readonly InstanceElsewhere[],
  ownUid: number = userInfo().uid,
): readonly string[] {
  const lines = found.slice(0, MOST_NAMED).map((each) => elsewhereLine(each, ownUid))
  const more = found.length - MOST_NAMED
  return more > 0 ? [...lines, `and ${more} more`] : lines
}

function elsewhereLine({ runDir, uid, instance }: InstanceElsewhere, ownUid: number): string {
  if (uid !== undefined && uid !== ownUid) {
    const user = userNameOf(uid)
    const asUser = user === undefined ? `'#${uid}'` : user
    return `an instance in ${runDir} is owned by ${user ?? `user ${uid}`}: run as that user: sudo -u ${asUser} rip-server … --run-dir ${runDir}`
  }
  const name = instance === undefined ? 'one' : instance.name
  return `${name} runs in ${runDir}: add --run-dir ${runDir}`
}
