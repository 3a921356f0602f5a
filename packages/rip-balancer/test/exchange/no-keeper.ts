import type { ConnectionKeeper } from '../../src/listener/connection-keeper.ts'

/** Keeps nothing, for connections that are tested alone. */
export const NO_KEEPER: ConnectionKeeper = {
  isDraining: false,
  drainingSince: 0,
  takesPreface: false,
  forget() {},
  setLasting() {},
  becomesHttp2() {},
}
