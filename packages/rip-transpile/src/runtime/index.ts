/** The module that compiled code imports, with the names that it uses. */
export {
  abort,
  assert,
  exit,
  kind,
  noop,
  p,
  pj,
  pp,
  pr,
  raise,
  rand,
  sleep,
  todo,
  warn,
  zip,
} from './stdlib.ts'
export { batch as __batch, computed as __computed, effect as __effect, state as __state } from './reactive.ts'
export { objectOf as __objectOf } from './object-of.ts'
export { propertyKey as __propertyKey } from './property-key.ts'
export { stepOf as __stepOf } from './step-of.ts'
export { toMatchable as __toMatchable } from './to-matchable.ts'
export type { Computed, Effect, State } from './reactive.ts'
