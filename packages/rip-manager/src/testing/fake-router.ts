import type { Backend, DrainReport, GenerationId, Router } from '../contract/router.ts'

/** A router that exists in memory only and remembers what it was told. */
export interface FakeRouter extends Router {
  readonly calls: readonly string[]
  readonly serving: GenerationId | undefined
  /** Backends that may get a request now. */
  readonly rotation: readonly Backend[]
  /** Fails every further call with this error, until called with `undefined`. */
  fail(error: Error | undefined): void
  /** Lets drains last until this is called again with `false`. */
  keepDraining(keep: boolean): void
  /** A new router that knows nothing. */
  forget(): void
}

export function fakeRouter(): FakeRouter {
  const calls: string[] = []
  const backends = new Map<GenerationId, readonly Backend[]>()
  let serving: GenerationId | undefined
  let failure: Error | undefined
  let keeping = false
  let released = Promise.withResolvers<void>()

  const drained = async (generation: GenerationId, signal: AbortSignal): Promise<DrainReport> => {
    if (!keeping) return { abandoned: 0 }
    const aborted = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => aborted.resolve(), { once: true })
    await Promise.race([released.promise, aborted.promise])
    return { abandoned: signal.aborted ? 1 : 0 }
  }

  return {
    calls,
    get serving() {
      return serving
    },
    get rotation() {
      return serving === undefined ? [] : (backends.get(serving) ?? [])
    },
    async prepare(generation, list) {
      if (failure !== undefined) throw failure
      calls.push(`prepare ${list.map(({ id }) => id).join(',')}`)
      backends.set(generation, list)
    },
    async cut(generation) {
      if (failure !== undefined) throw failure
      if (!backends.has(generation)) throw new Error(`${generation} was not prepared`)
      calls.push('cut')
      serving = generation
    },
    async drain(generation, { signal }) {
      if (failure !== undefined) throw failure
      calls.push('drain')
      return drained(generation, signal)
    },
    fail(error) {
      failure = error
    },
    keepDraining(keep) {
      keeping = keep
      if (keep) return
      released.resolve()
      released = Promise.withResolvers<void>()
    },
    forget() {
      backends.clear()
      serving = undefined
    },
  }
}
