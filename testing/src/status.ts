/** The part of the control socket's `GET /status` that the scenarios read. */
export interface Status {
  readonly pid: number
  readonly health: string
  readonly generation: string | null
  readonly wantedWorkers: number
  readonly readyWorkers: number
  readonly reloads: { readonly admitted: number; readonly refused: number }
  readonly restarts: number
  readonly lastRefusal: { readonly code: string; readonly message: string } | null
  readonly workers: readonly WorkerStatus[]
}

export interface WorkerStatus {
  readonly slot: number
  readonly pid: number | null
  readonly state: 'starting' | 'ready' | 'draining' | 'exited'
  readonly generation: string
}
