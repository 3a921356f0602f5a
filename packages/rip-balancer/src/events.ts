import type { EjectionReason } from './pool/ejection.ts'

/** What happens to the parts of a balancer, other than requests. */
export type BalancerEvent =
  | {
      readonly type: 'backend-ejected'
      readonly backend: string
      readonly forMs: number
      readonly reason: EjectionReason
      /** What is known in particular: why TLS could not be spoken. */
      readonly detail: string | undefined
    }
  | { readonly type: 'backend-readmitted'; readonly backend: string }
  | {
      readonly type: 'backend-health'
      readonly backend: string
      readonly healthy: boolean
      /** What the last check said against it; why it is healthy, if no check said so. */
      readonly reason: string | undefined
    }
  /** An operator or a program drained it, or undrained it. */
  | { readonly type: 'backend-drained'; readonly backend: string; readonly by: string }
  | { readonly type: 'backend-undrained'; readonly backend: string; readonly by: string }
  /** Nothing is in flight there any more, and nothing will be. */
  | { readonly type: 'backend-retired'; readonly backend: string }
  | { readonly type: 'generation-cut'; readonly generation: string | null }
  | { readonly type: 'warning'; readonly message: string }

type Listener = (event: BalancerEvent) => void

/** Listeners by type of event. One that throws does not keep the others from hearing. */
export class Emitter {
  private readonly listeners = new Map<string, Set<Listener>>()

  on<T extends BalancerEvent['type']>(
    type: T,
    listener: (event: Extract<BalancerEvent, { type: T }>) => void,
  ): Disposable {
    const known = this.listeners.get(type) ?? new Set<Listener>()
    this.listeners.set(type, known)
    // `emit` gives a listener only events of the type it asked for.
    const entry = listener as Listener
    known.add(entry)
    return { [Symbol.dispose]: () => void known.delete(entry) }
  }

  emit(event: BalancerEvent): void {
    for (const listener of this.listeners.get(event.type) ?? []) {
      try {
        listener(event)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
