/**
 * Lengths in bits of the codes of all octets and, last, of EOS (RFC 7541, appendix B); `a` is 5. The code is canonical:
 * codes of one length follow each other in the order of their octets, so lengths say all.
 */
const CODE_LENGTHS =
  'isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhfibccccccccccccccccccccccdcdioijb' +
  'kabababbbaccbbbabcbaabccccckgjixprpprrrsrssssststtrstssssqrsrsstrqprrssqsrrtqrssqqrqsrssprrrsrrs' +
  'vvporsruvvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsrruuttvsvwvvwwwwwxwwwwwvz'
const EOS = 256
const FIRST_LETTER = 0x61
const SHORTEST_BITS = 5

/** Marks a nibble that cannot follow. */
const BROKEN = -1
/** Marks a transition that completes an octet, which stands in the lower eight bits; the next node is above. */
const EMITS = 1 << 16
/** Padding has at most seven bits (RFC 7541 §5.2). */
const MAX_PADDING_BITS = 7

/**
 * Decodes strings in Huffman code (RFC 7541 §5.2) half an octet at a time: the shortest code has five bits, so no half
 * completes two. A node of the code's tree and a half octet lead to the next node in one look-up.
 */
export class HuffmanDecoder {
  /** By node and half octet: `BROKEN`, or the next node times 256, with `EMITS` and an octet if one is complete. */
  private readonly transitions = new Int32Array(EOS << 4)
  /** By node: whether the string may end here, as the bits of it are only ones, and not too many. */
  private readonly mayEnd = new Uint8Array(EOS)

  constructor() {
    const tree = treeOf(codes())
    for (let node = 0; node < EOS; node++)
      for (let half = 0; half < 16; half++)
        this.transitions[(node << 4) | half] = transitionOf(tree, node, half)
    this.mayEnd[0] = 1
    for (let bits = 1, node = tree[1]!; bits <= MAX_PADDING_BITS; bits++, node = tree[node * 2 + 1]!)
      this.mayEnd[node] = 1
  }

  /**
   * Decodes `bytes[from, to)` to `out` from `at` on, where there has to be room for `maxDecodedBytes`.
   *
   * @returns where the decoded string ends in `out`, or -1 when it is not a valid code, contains EOS, or its padding is
   *   longer than seven bits or not all ones
   */
  decode(bytes: Buffer, from: number, to: number, out: Buffer, at: number): number {
    const { transitions } = this
    let node = 0
    for (let index = from; index < to; index++) {
      const byte = bytes[index]!
      const first = transitions[(node << 4) | (byte >> 4)]!
      if (first === BROKEN) return -1
      if (first >= EMITS) out[at++] = first & 0xff
      const second = transitions[((first >> 4) & 0xff0) | (byte & 15)]!
      if (second === BROKEN) return -1
      if (second >= EMITS) out[at++] = second & 0xff
      node = (second >> 8) & 0xff
    }
    return this.mayEnd[node] === 1 ? at : -1
  }
}

/** How long a string of that many encoded octets can become. */
export function maxDecodedBytes(encodedBytes: number): number {
  return Math.ceil((encodedBytes * 8) / SHORTEST_BITS)
}

interface Code {
  readonly symbol: number
  readonly bits: number
  readonly length: number
}

/** All codes, shortest first. */
function codes(): readonly Code[] {
  const lengths = Array.from(CODE_LENGTHS, (letter) => letter.charCodeAt(0) - FIRST_LETTER + SHORTEST_BITS)
  const symbols = lengths.map((_, symbol) => symbol).sort((a, b) => lengths[a]! - lengths[b]! || a - b)
  let next = 0
  let previous = SHORTEST_BITS
  return symbols.map((symbol) => {
    const length = lengths[symbol]!
    next <<= length - previous
    previous = length
    return { symbol, bits: next++, length }
  })
}

/** The tree as pairs: at `2 * node + bit` stands the next node, or `LEAF` plus the symbol. The root is 0. */
function treeOf(all: readonly Code[]): Int32Array {
  const tree = new Int32Array(EOS * 2)
  let nodes = 1
  for (const { symbol, bits, length } of all) {
    let node = 0
    for (let left = length - 1; left > 0; left--) {
      const at = node * 2 + ((bits >> left) & 1)
      if (tree[at] === 0) tree[at] = nodes++
      node = tree[at]!
    }
    tree[node * 2 + (bits & 1)] = LEAF + symbol
  }
  return tree
}

const LEAF = 1 << 10

function transitionOf(tree: Int32Array, from: number, half: number): number {
  let node = from
  let emitted = 0
  for (let left = 3; left >= 0; left--) {
    const next = tree[node * 2 + ((half >> left) & 1)]!
    if (next === LEAF + EOS) return BROKEN
    if (next >= LEAF) emitted = EMITS | (next - LEAF)
    node = next >= LEAF ? 0 : next
  }
  return (node << 8) | emitted
}
