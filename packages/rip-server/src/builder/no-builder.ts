import { type Builder, isAuthored, type TreeState } from '@rip/manager'

/** For applications that are run by a command: their workers run what is on disk, whatever that is. */
export const noBuilder: Builder = {
  build: async (state) => ({
    ok: true,
    snapshot: {
      generation: state.generation,
      isUnfrozen: true,
      changedIn: (content) => changedCode(state, content),
    },
  }),
}

/** Data may change while workers start: many applications write some when they do. */
function changedCode({ files }: TreeState, { files: now }: TreeState): string | undefined {
  return [...new Set([...files.keys(), ...now.keys()])].find(
    (path) => isAuthored(path) && files.get(path) !== now.get(path),
  )
}
