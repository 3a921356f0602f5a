import type { PooledBackend } from './pooled-backend.ts'
import { PerList } from './per-list.ts'
import type { Eligible } from './pooled-backend.ts'

/** After this many draws without an eligible backend hardly any is eligible, and a search costs less. */
const MAX_DRAWS = 8

/** For each place: the share of it that belongs to the backend there, and the place of the backend the rest belongs to. */
interface AliasTable {
  readonly own: Float64Array
  readonly alias: Uint32Array
}

/** Draws backends by chance, each as often as its weight says, at a cost that does not grow with their number. */
export class WeightedDraw {
  private readonly random: () => number
  private readonly tables = new PerList(aliasTable)

  /** @param random a number in [0, 1) */
  constructor(random: () => number) {
    this.random = random
  }

  /** @param other is not drawn */
  draw(
    backends: readonly PooledBackend[],
    eligible: Eligible,
    other?: PooledBackend,
  ): PooledBackend | undefined {
    if (backends.length === 0) return undefined
    const table = this.tables.of(backends)
    for (let n = 0; n < MAX_DRAWS; n++) {
      const backend = backends[this.place(table)]!
      if (backend !== other && backend.weight > 0 && eligible(backend)) return backend
    }
    return this.drawAmong(backends.filter((each) => each !== other && each.weight > 0 && eligible(each)))
  }

  private place({ own, alias }: AliasTable): number {
    const at = this.random() * own.length
    const place = Math.floor(at)
    return at - place < own[place]! ? place : alias[place]!
  }

  private drawAmong(backends: readonly PooledBackend[]): PooledBackend | undefined {
    let left = this.random() * backends.reduce((sum, { weight }) => sum + weight, 0)
    return backends.find(({ weight }) => (left -= weight) < 0) ?? backends.at(-1)
  }
}

/** Vose's alias method: places with less than their share are filled up by one that has more. */
function aliasTable(backends: readonly PooledBackend[]): AliasTable {
  const total = backends.reduce((sum, { weight }) => sum + weight, 0)
  const own = Float64Array.from(backends, ({ weight }) => (weight * backends.length) / total)
  const alias = Uint32Array.from(backends, (_, place) => place)
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
