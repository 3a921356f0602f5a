import type { Member } from './member.ts'
import { PerList } from './per-list.ts'
import type { Eligible } from './member.ts'

/** Where a draw hits in vain so often, hardly anybody is eligible, and it costs less to look who is. */
const MAX_DRAWS = 8

/** For each place: the share of it that belongs to the member there, and the place of whom the rest belongs to. */
interface AliasTable {
  readonly own: Float64Array
  readonly alias: Uint32Array
}

/** Draws members by chance, each as often as its weight says, at a cost that does not grow with their number. */
export class WeightedDraw {
  private readonly random: () => number
  private readonly tables = new PerList(aliasTable)

  /** @param random a number in [0, 1) */
  constructor(random: () => number) {
    this.random = random
  }

  /** @param other is not drawn */
  draw(members: readonly Member[], eligible: Eligible, other?: Member): Member | undefined {
    if (members.length === 0) return undefined
    const table = this.tables.of(members)
    for (let n = 0; n < MAX_DRAWS; n++) {
      const member = members[this.place(table)]!
      if (member !== other && member.weight > 0 && eligible(member)) return member
    }
    return this.drawAmong(members.filter((each) => each !== other && each.weight > 0 && eligible(each)))
  }

  private place({ own, alias }: AliasTable): number {
    const at = this.random() * own.length
    const place = Math.floor(at)
    return at - place < own[place]! ? place : alias[place]!
  }

  private drawAmong(members: readonly Member[]): Member | undefined {
    let left = this.random() * members.reduce((sum, { weight }) => sum + weight, 0)
    return members.find(({ weight }) => (left -= weight) < 0) ?? members.at(-1)
  }
}

/** Vose's alias method: places with less than their share are filled up by one that has more. */
function aliasTable(members: readonly Member[]): AliasTable {
  const total = members.reduce((sum, { weight }) => sum + weight, 0)
  const own = Float64Array.from(members, ({ weight }) => (weight * members.length) / total)
  const alias = Uint32Array.from(members, (_, place) => place)
  const less: number[] = []
  const more: number[] = []
  own.forEach((share, place) => (share < 1 ? less : more).push(place))
  while (less.length > 0 && more.length > 0) {
    const [poor, rich] = [less.pop()!, more.pop()!]
    alias[poor] = rich
    own[rich]! += own[poor]! - 1
    ;(own[rich]! < 1 ? less : more).push(rich)
  }
  return { own, alias }
}
