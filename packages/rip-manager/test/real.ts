import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processState } from '../src/system/start-time.ts'

/** Polls until the condition is truthy and returns its value; throws with `what` after ten seconds. */
export async function waitFor<T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const value = await condition()
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>
    if (performance.now() > deadline) throw new Error(`waited 10 s in vain for: ${what}`)
    await Bun.sleep(5)
  }
}

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string
  at(...parts: readonly string[]): string
}

/** Above this a run directory below the folder would have no room for the names of sockets. */
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

/** Whether the process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  const state = processState(pid)
  return state !== undefined && state !== 'Z'
}
