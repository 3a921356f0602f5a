import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string
  at(...parts: readonly string[]): string
}

/** In a longer path a run directory would have no room for the names of sockets. */
const MAX_TMPDIR_CHARS = 18

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const parent = tmpdir().length <= MAX_TMPDIR_CHARS ? tmpdir() : '/tmp'
  const path = await mkdtemp(join(parent, 'rip-'))
  return {
    path,
    at: (...parts) => join(path, ...parts),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}
