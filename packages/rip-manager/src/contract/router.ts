/** Names one version of the application: a prefix of the hash of its content. */
export type GenerationId = string

/** A worker as the balancer sees it. */
export interface Backend {
  /** Stable name for status and logs, such as `w1.3` (slot 1, third incarnation). */
  readonly id: string
  /** Path of the Unix socket this incarnation listens on; never reused. */
  readonly socket: string
  /** Requests this worker takes at once. */
  readonly maxInFlight: number
  /** Whether its socket takes HTTP/2 in plain text as well as HTTP/1.1. @default false */
  readonly http2?: boolean
}

/** How a drain ended: of a generation, or of everything at a stop. */
export interface DrainReport {
  /** Requests that had not ended when they were given up; 0 after a clean drain. */
  readonly abandoned: number
}

/**
 * The router in front of the workers, as the manager needs it. Every promise resolves only when each
 * balancer process has acknowledged, so that after it the manager may rely on the new routing.
 */
export interface Router {
  /**
   * Declares the complete set of backends of a generation. Members of the generation that is being served
   * enter and leave rotation at once; of any other generation they are dialled and kept out of rotation.
   */
  prepare(generation: GenerationId, backends: readonly Backend[]): Promise<void>
  /** Switches all new requests to the generation, atomically. @throws Error when it was not prepared */
  cut(generation: GenerationId): Promise<void>
  /** Resolves when no exchange of the generation is in flight, or when the signal aborts. */
  drain(generation: GenerationId, options: { readonly signal: AbortSignal }): Promise<DrainReport>
}
