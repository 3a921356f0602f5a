/** A hash of 64 bits of a text. */
export interface KeyHash {
  readonly low: number
  readonly high: number
}

export function keyHash(text: string): KeyHash {
  const bits = Bun.hash.xxHash64(text)
  return { low: Number(bits & 0xffff_ffffn) | 0, high: Number(bits >> 32n) | 0 }
}

/** A number in (0, 1) that belongs to two texts together. */
export function fractionOf(one: KeyHash, other: KeyHash): number {
  const mixed = spread(spread(one.low ^ other.low) ^ one.high ^ other.high)
  return ((mixed >>> 0) + 0.5) / 2 ** 32
}

/** Every bit of the result depends on every bit given: the end of MurmurHash3. */
function spread(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35)
  return mixed ^ (mixed >>> 16)
}
