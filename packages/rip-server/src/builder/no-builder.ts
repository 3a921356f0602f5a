import type { Builder } from '@rip/manager'

/** For applications that are run by a command: their workers run what is on disk, whatever that is. */
export const noBuilder: Builder = {
  build: async ({ generation }) => ({ ok: true, snapshot: { generation, isUnfrozen: true } }),
}
