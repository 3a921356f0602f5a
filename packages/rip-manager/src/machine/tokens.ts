/** Numbers what the machine has asked for, so that a late answer is not taken for that to a later question. */
export class Tokens {
  #last = 0

  next(): number {
    return ++this.#last
  }
}
