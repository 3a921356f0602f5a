import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { ConcurrencyGate } from '../src/serve/concurrency-gate.ts'

type Step = 'arrive' | 'finish' | 'leave'

/** A transport that counts, and clients that arrive, are answered or leave in any order. */
class Model {
  readonly running: number[] = []
  readonly waiting: { readonly id: number; readonly left: AbortController }[] = []
  readonly entered: number[] = []
  readonly refused: number[] = []
  readonly gate: ConcurrencyGate
  readonly #limit: number
  readonly #maxWaiting: number
  #next = 0

  constructor(limit: number, maxWaiting: number) {
    this.#limit = limit
    this.#maxWaiting = maxWaiting
    this.gate = new ConcurrencyGate({
      limit,
      maxWaiting,
      active: () => this.running.length + this.waiting.length,
    })
  }

  async step(step: Step): Promise<void> {
    if (step === 'arrive') this.#arrive()
    if (step === 'finish') this.#finish()
    if (step === 'leave') this.waiting.at(Math.floor(this.waiting.length / 2))?.left.abort()
    await new Promise((resolve) => setImmediate(resolve))
    this.#check()
  }

  async settle(): Promise<void> {
    while (this.running.length > 0) await this.step('finish')
  }

  #arrive(): void {
    const client = { id: this.#next++, left: new AbortController() }
    this.waiting.push(client)
    if (!this.gate.mustWait()) return this.#enter(client)
    void this.gate.wait(client.left.signal).then((outcome) => {
      if (outcome === 'entered') return this.#enter(client)
      this.waiting.splice(this.waiting.indexOf(client), 1)
      if (outcome === 'refused') this.refused.push(client.id)
    })
  }

  #enter(client: Model['waiting'][number]): void {
    this.waiting.splice(this.waiting.indexOf(client), 1)
    this.running.push(client.id)
    this.entered.push(client.id)
  }

  #finish(): void {
    this.running.shift()
    this.gate.answered()
  }

  #check(): void {
    expect(this.running.length).toBeLessThanOrEqual(this.#limit)
    expect(this.gate.waiting).toBe(this.waiting.length)
    expect(this.gate.waiting).toBeLessThanOrEqual(this.#maxWaiting)
    expect(this.entered).toEqual(this.entered.toSorted((a, b) => a - b))
    // No request waits while there is a free place.
    if (this.waiting.length > 0) expect(this.running.length).toBe(this.#limit)
  }
}

test('at most the limit run, in order of arrival, and no request waits while there is a free place', async () => {
  const steps = fc.array(fc.constantFrom<Step>('arrive', 'arrive', 'finish', 'leave'), { maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 6 }),
      steps,
      async (limit, max, all) => {
        const model = new Model(limit, max)
        for (const step of all) await model.step(step)
        await model.settle()
        expect(model.waiting).toEqual([])
      },
    ),
  )
})
