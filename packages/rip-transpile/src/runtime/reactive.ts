/** A value that is computed again when its inputs have changed. */
export interface Computed<T> {
  /** Reading it in a computed value or an effect makes that depend on it. */
  readonly value: T
  /** The value; reading it creates no dependency. */
  read(): T
}

/** A value that notifies its dependents when it is replaced. */
export interface State<T> extends Computed<T> {
  value: T
  /** Makes every further write throw. */
  lock(): this
  /** Drops its dependents and returns the last value. */
  kill(): T
}

/** An effect; calling it ends the effect. */
export interface Effect extends Disposable {
  (): void
  /** Whether it still runs again after changes. */
  readonly active: boolean
  /** Pauses it: no change runs it until {@link Effect.run}. */
  stop(): void
  /** Runs it now and after every change from here on. */
  run(): void
  /** Ends it for good, after its cleanup. */
  cancel(): void
}

export interface Reactive {
  /** Creates a state; if the value is a state, returns that object. */
  readonly state: <T>(initial: T | State<T>) => State<T>
  readonly computed: <T>(compute: () => T) => Computed<T>
  /**
   * Runs the function at once and after each change; a function that it returns is called before the next run and at
   * the end.
   */
  readonly effect: (run: () => unknown) => Effect
  /** Runs the function; effects wait until it has returned. */
  readonly batch: <T>(run: () => T) => T
}

/**
 * Creates an independent reactive system. Changes are pushed as marks, values are pulled when they are read: a computed
 * value that is never read is never computed, and an effect runs only if a value it read has really changed.
 *
 * The function uses nothing from outside itself, because its source text is pasted into standalone scripts.
 */
export function createReactive(): Reactive {
  type Mark = 'clean' | 'check' | 'dirty'

  /** A computed value or effect that reads sources. */
  interface Reader {
    mark: Mark
    readonly sources: Set<Source>
    /** Recomputes the value, or runs the effect again. */
    refresh(): void
    /** Tells its dependents that it may change. */
    spread(): void
  }

  interface Source {
    readonly readers: Set<Reader>
    /** Brings its value up to date. */
    settle(): void
  }

  interface EffectNode extends Reader {
    live: boolean
    children: EffectNode[]
    end(): void
  }

  const isSignal = Symbol.for('rip.signal')
  const queue = new Set<EffectNode>()
  let reader: Reader | undefined
  let owner: EffectNode | undefined
  let batches = 0
  let flushing = false

  function track(source: Source): void {
    if (!reader) return
    reader.sources.add(source)
    source.readers.add(reader)
  }

  function forget(node: Reader): void {
    for (const source of node.sources) source.readers.delete(node)
    node.sources.clear()
  }

  function reading<T>(node: Reader | undefined, read: () => T): T {
    const before = reader
    reader = node
    try {
      return read()
    } finally {
      reader = before
    }
  }

  function markReader(node: Reader, mark: Mark): void {
    const first = node.mark === 'clean'
    if (first || mark === 'dirty') node.mark = mark
    if (first) node.spread()
  }

  function bring(node: Reader): void {
    if (node.mark === 'check') settleSources(node)
    const stale = node.mark === 'dirty'
    try {
      if (stale) node.refresh()
    } finally {
      node.mark = 'clean'
    }
  }

  /** Brings the sources up to date; each source that has changed marks its readers dirty. */
  function settleSources(node: Reader): void {
    for (const source of node.sources) {
      source.settle()
      if (node.mark === 'dirty') return
    }
  }

  function flush(): void {
    if (flushing || batches > 0) return
    flushing = true
    const errors: unknown[] = []
    let runs = 0
    for (const node of queue) {
      queue.delete(node)
      try {
        if (++runs > 10_000) throw new Error('effects keep changing what other effects depend on')
        if (node.live) bring(node)
      } catch (error) {
        errors.push(error)
        if (runs > 10_000) queue.clear()
      }
    }
    flushing = false
    if (errors.length > 0) throw errors[0]
  }

  function wrap<T extends object>(signal: T, read: () => unknown): T {
    return Object.assign(signal, {
      [isSignal]: true,
      read,
      toString: () => String((signal as unknown as Computed<unknown>).value),
      valueOf: () => (signal as unknown as Computed<unknown>).value,
      toJSON: () => (signal as unknown as Computed<unknown>).value,
    })
  }

  function state<T>(initial: T | State<T>): State<T> {
    if (typeof initial === 'object' && initial !== null && isSignal in initial) return initial as State<T>
    let current = initial as T
    let locked = false
    const source: Source = { readers: new Set(), settle() {} }
    const signal = {
      get value() {
        track(source)
        return current
      },
      set value(next: T) {
        if (locked) throw new TypeError('this state is locked')
        if (Object.is(current, next)) return
        current = next
        for (const node of source.readers) markReader(node, 'dirty')
        flush()
      },
      lock() {
        locked = true
        return signal
      },
      kill() {
        for (const node of source.readers) node.sources.delete(source)
        source.readers.clear()
        return current
      },
    } as State<T>
    return wrap(signal, () => current)
  }

  function computed<T>(compute: () => T): Computed<T> {
    let current: T
    let failure: { readonly error: unknown } | undefined
    let known = false
    let running = false
    const node: Reader & Source = {
      mark: 'dirty',
      sources: new Set(),
      readers: new Set(),
      settle: () => bring(node),
      spread() {
        for (const dependent of node.readers) markReader(dependent, 'check')
      },
      refresh() {
        if (running) throw new Error('a computed value depends on itself')
        running = true
        forget(node)
        let changed = true
        try {
          const next = reading(node, compute)
          changed = !known || failure !== undefined || !Object.is(current, next)
          current = next
          known = true
          failure = undefined
        } catch (error) {
          failure = { error }
        } finally {
          running = false
        }
        if (changed) for (const dependent of node.readers) dependent.mark = 'dirty'
      },
    }
    const signal = {
      get value() {
        bring(node)
        track(node)
        if (failure) throw failure.error
        return current
      },
    } as Computed<T>
    return wrap(signal, () => reading(undefined, () => signal.value))
  }

  function effect(run: () => unknown): Effect {
    let cleanup: unknown
    let running = false
    const node: EffectNode = {
      mark: 'dirty',
      live: true,
      sources: new Set(),
      children: [],
      spread() {
        // An effect is not run again by its own writes.
        if (running) node.mark = 'clean'
        else queue.add(node)
      },
      refresh() {
        tidy()
        const outer = owner
        owner = node
        running = true
        try {
          cleanup = reading(node, run)
        } finally {
          running = false
          owner = outer
        }
        if (!node.live) tidy()
      },
      end() {
        node.live = false
        queue.delete(node)
        if (!running) tidy()
      },
    }

    function tidy(): void {
      forget(node)
      for (const child of node.children.splice(0)) child.end()
      const last = cleanup
      cleanup = undefined
      if (typeof last === 'function') reading(undefined, last as () => unknown)
    }

    let cancelled = false
    const cancel = () => {
      cancelled = true
      node.end()
    }
    const controls = {
      stop: () => node.end(),
      run() {
        if (cancelled) return
        node.live = true
        node.mark = 'dirty'
        bring(node)
      },
      cancel,
      [Symbol.dispose]: cancel,
    }
    owner?.children.push(node)
    bring(node)
    const active = { get: () => node.live }
    return Object.defineProperty(
      Object.assign(() => cancel(), controls),
      'active',
      active,
    ) as unknown as Effect
  }

  function batch<T>(run: () => T): T {
    batches++
    try {
      return run()
    } finally {
      batches--
      flush()
    }
  }

  return { state, computed, effect, batch }
}

const shared: Reactive = createReactive()

/** The reactive system that all modules of a process share. */
export const state: Reactive['state'] = shared.state
export const computed: Reactive['computed'] = shared.computed
export const effect: Reactive['effect'] = shared.effect
export const batch: Reactive['batch'] = shared.batch
