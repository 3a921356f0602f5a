import type { Coercers } from './coercers.ts'
import type { Registry } from './schema-registry.ts'

/** State that all schemas of a process share. */
export interface RuntimeState {
  readonly registry: Registry
  readonly coercers: Coercers
}
