import type { AffinitySource } from '../forwarding/affinity.ts'
import { keyHash } from '../pool/key-hash.ts'
import type { LearnedKeys } from '../pool/learned-keys.ts'
import type { Backend } from '../upstream/backend.ts'

/** A field whose value, such as a session's id, belongs to the backend that gave it to a client. */
export class LearnedField {
  private readonly name: string
  private readonly keys: LearnedKeys

  constructor(name: string, keys: LearnedKeys) {
    this.name = name
    this.keys = keys
  }

  /** The value a request has; `undefined` without one. */
  keyIn(source: Pick<AffinitySource, 'values'>): string | undefined {
    return source.values(this.name).find((value) => value !== '')
  }

  /** Learns the value in a response of the backend, if there is one. */
  learnFrom(response: Pick<AffinitySource, 'values'>, backend: Backend): void {
    const key = this.keyIn(response)
    if (key !== undefined) this.keys.learn(key, keyHash(backend.id))
  }
}
