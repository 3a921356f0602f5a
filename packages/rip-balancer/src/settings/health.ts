/** How backends are asked whether they are well. */
export interface HealthSettings {
  readonly path: string
  /** @default 'GET' */
  readonly method?: string
  /** Undefined: that of the address. */
  readonly host?: string | undefined
  /** @default 2xx */
  readonly statuses?: readonly StatusRange[]
  /** Undefined: any. */
  readonly body?: string | undefined
  /** Undefined: that of the address. */
  readonly port?: number | undefined
  /** Undefined: as with the address. */
  readonly tls?: boolean | undefined
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly rise: number
  readonly fall: number
}

/** Statuses from one to another, both included. */
export interface StatusRange {
  readonly from: number
  readonly to: number
}
