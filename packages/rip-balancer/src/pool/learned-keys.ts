import { DEFAULT_LEARNED_ENTRIES, DEFAULT_LEARNED_LIFETIME_MS } from '../defaults.ts'
import type { LearnedFieldOptions } from '../settings/learned-field.ts'
import { sharedMemory } from '../transport/shared-memory.ts'
import { keyHash, type KeyHash } from './key-hash.ts'
import { messageOf } from '../text/message-of.ts'

type LearnedKeysOptions = Omit<LearnedFieldOptions, 'name'>

/** Places of a key: two words of its hash, two of its backend's, when it was last used, and a sum over them. */
const WORDS = { key: 0, backend: 2, usedAtS: 4, sum: 5, all: 8 } as const
/** Keys whose hashes begin alike share so many places. */
const WAYS = 8
const MAX_AGE_S = 2 ** 31

/**
 * Which backend answers a key, as responses told. The memory may be shared with other processes without a lock: an entry
 * that two of them write at once has a wrong sum, and is none.
 */
export class LearnedKeys {
  private readonly warn: (message: string) => void
  private readonly nowMs: () => number
  private options: LearnedKeysOptions = {
    entries: DEFAULT_LEARNED_ENTRIES,
    lifetimeMs: DEFAULT_LEARNED_LIFETIME_MS,
    sharedFile: undefined,
  }
  private memory: Int32Array | undefined

  /** @param nowMs milliseconds of a clock that all processes share */
  constructor(warn: (message: string) => void = () => {}, nowMs: () => number = Date.now) {
    this.warn = warn
    this.nowMs = nowMs
  }

  /** Another size, or another file, forgets what was learned. */
  use({ entries, lifetimeMs, sharedFile }: LearnedKeysOptions): void {
    const stays = entries === this.options.entries && sharedFile === this.options.sharedFile
    this.options = { entries, lifetimeMs, sharedFile }
    if (!stays) this.memory = undefined
  }

  /** The backend of a key, as the hash of its id; `undefined` for a key that is not known. */
  find(key: string): KeyHash | undefined {
    const memory = this.open()
    const hash = keyHash(key)
    const at = this.placeOf(memory, hash)
    if (at === undefined) return undefined
    const backend = { low: memory[at + WORDS.backend]!, high: memory[at + WORDS.backend + 1]! }
    // Another process may have written to the place since its sum was looked at.
    if (memory[at + WORDS.sum] !== sumOf(hash, backend, memory[at + WORDS.usedAtS]!)) return undefined
    this.write(memory, at, hash, backend)
    return backend
  }

  /** The backend with this hash answers the key from now on. */
  learn(key: string, backend: KeyHash): void {
    const memory = this.open()
    const hash = keyHash(key)
    this.write(memory, this.placeOf(memory, hash) ?? this.freePlaceFor(memory, hash), hash, backend)
  }

  private get buckets(): number {
    return 2 ** Math.max(0, Math.ceil(Math.log2(this.options.entries / WAYS)))
  }

  private open(): Int32Array {
    this.memory ??= this.allocate()
    return this.memory
  }

  private allocate(): Int32Array {
    const { sharedFile } = this.options
    const words = this.buckets * WAYS * WORDS.all
    if (sharedFile === undefined) return new Int32Array(words)
    try {
      return sharedMemory(`${sharedFile}-${this.buckets}`, words * Int32Array.BYTES_PER_ELEMENT)
    } catch (error) {
      const reason = messageOf(error)
      this.warn(`what this balancer learns is not shared with others: ${reason}`)
      return new Int32Array(words)
    }
  }

  private placeOf(memory: Int32Array, { low, high }: KeyHash): number | undefined {
    const first = this.firstPlaceFor(memory, high)
    for (let at = first; at < first + WAYS * WORDS.all; at += WORDS.all)
      if (memory[at] === low && memory[at + 1] === high && this.ageS(memory, at) < MAX_AGE_S) return at
    return undefined
  }

  /** One that is empty or too old, else the one that was not used for longest. */
  private freePlaceFor(memory: Int32Array, { high }: KeyHash): number {
    const first = this.firstPlaceFor(memory, high)
    let oldest = first
    for (let at = first; at < first + WAYS * WORDS.all; at += WORDS.all)
      if (this.ageS(memory, at) > this.ageS(memory, oldest)) oldest = at
    return oldest
  }

  private firstPlaceFor(memory: Int32Array, high: number): number {
    return ((high >>> 0) % (memory.length / WORDS.all / WAYS)) * WAYS * WORDS.all
  }

  /** Of an entry that is none, or was not used for too long: more than any age. */
  private ageS(memory: Int32Array, at: number): number {
    if (memory[at + WORDS.sum] !== sumIn(memory, at)) return MAX_AGE_S
    // In 32 bits: the difference is right also when one of both is of the time after 2038. The clock may have been set back.
    const ageS = Math.abs((this.nowS - memory[at + WORDS.usedAtS]!) | 0)
    return ageS * 1_000 > this.options.lifetimeMs ? MAX_AGE_S : ageS
  }

  private get nowS(): number {
    return Math.floor(this.nowMs() / 1_000) | 0
  }

  /** The sum is that of what is written here: that of the memory would vouch for a mixture of two entries. */
  private write(memory: Int32Array, at: number, key: KeyHash, backend: KeyHash): void {
    const usedAtS = this.nowS
    memory[at + WORDS.key] = key.low
    memory[at + WORDS.key + 1] = key.high
    memory[at + WORDS.backend] = backend.low
    memory[at + WORDS.backend + 1] = backend.high
    memory[at + WORDS.usedAtS] = usedAtS
    memory[at + WORDS.sum] = sumOf(key, backend, usedAtS)
  }
}

/** Never 0 for memory that was not written to. */
function sumIn(memory: Int32Array, at: number): number {
  let sum = 1
  for (let word = at; word < at + WORDS.sum; word += 1) sum = withWord(sum, memory[word]!)
  return sum
}

function sumOf(key: KeyHash, backend: KeyHash, usedAtS: number): number {
  const ofKey = withWord(withWord(1, key.low), key.high)
  return withWord(withWord(withWord(ofKey, backend.low), backend.high), usedAtS)
}

function withWord(sum: number, word: number): number {
  return Math.imul(sum ^ word, 0x0100_0193)
}
