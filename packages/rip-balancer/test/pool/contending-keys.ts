import { keyHash, type KeyHash } from '../../src/pool/key-hash.ts'
import { LearnedKeys } from '../../src/pool/learned-keys.ts'

const PARTIES = ['a', 'b'] as const
/** More than there are places, so that the parties write to the same ones. */
const KEYS = 16
const ROUNDS = 200_000

/**
 * Learns keys in a shared file while another process does the same for another backend. Returns how often a key was
 * found with the backend of the other party's keys, or with none that exists.
 */
export function contend(party: string, sharedFile: string): number {
  const keys = new LearnedKeys()
  keys.use({ entries: 1, lifetimeMs: 60_000, sharedFile })
  let mixed = 0
  for (let round = 0; round < ROUNDS; round++) {
    keys.learn(`${party}${round % KEYS}`, keyHash(party))
    for (const each of PARTIES) {
      const found = keys.find(`${each}${round % KEYS}`)
      if (found !== undefined && !isSame(found, keyHash(each))) mixed++
    }
  }
  return mixed
}

function isSame(one: KeyHash, other: KeyHash): boolean {
  return one.low === other.low && one.high === other.high
}

if (import.meta.main) console.log(contend(process.argv[2]!, process.argv[3]!))
