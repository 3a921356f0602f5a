import { createHmac } from 'node:crypto'
import { chownSync, lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Account } from '../contract/account.ts'
import { isListening } from '../socket/listening.ts'

/** Its name in a run directory. */
export const BUS_FOLDER = 'bus'

const OWNER_ONLY = 0o700
/** What a worker makes: its socket, and a file that says that it is there. */
const ENTRY = /^\d+(?:\.sock)?$/

/**
 * Where the workers of an instance meet to tell each other what is published. Workers of a predecessor are in it, too, so
 * that they are met by those of a successor.
 */
export class BusFolder {
  readonly #path: string
  readonly #account: Account | undefined

  /**
   * @param runDir the run directory
   * @param account the user workers run as. @default ours
   */
  constructor(runDir: string, account?: Account) {
    this.#path = join(runDir, BUS_FOLDER)
    this.#account = account
    this.make()
  }

  /** Makes it, again if it was removed. One that cannot be made keeps workers from meeting, and from nothing else. */
  make(): void {
    try {
      mkdirSync(this.#path, { recursive: true, mode: OWNER_ONLY })
      if (this.#account !== undefined) chownSync(this.#path, this.#account.uid, this.#account.gid)
    } catch {
      // ENOSPC, EACCES, EEXIST
    }
  }

  /** Removes what a worker left behind that has ended. */
  left(pid: number): void {
    removeEntries(this.#path, String(pid))
  }
}

/** What workers of an instance know and no other process does, made of the secret of the instance, which they do not know. */
export function busKeyOf(secret: string): string {
  return createHmac('sha256', secret).update('bus').digest('base64url')
}

/** Removes sockets of workers that are gone. @param addressed the folder as sockets in it are addressed */
export async function clearBusFolder(folder: string, addressed: string): Promise<void> {
  const pids = new Set(entriesOf(folder).map((name) => name.replace('.sock', '')))
  for (const pid of pids) {
    if (!(await isListening(join(addressed, `${pid}.sock`)))) removeEntries(folder, pid)
  }
}

/** Removes the folder with what workers made in it; other things stay, and the folder with them. */
export function removeBusFolder(folder: string): void {
  for (const name of entriesOf(folder)) removeEntry(join(folder, name))
  try {
    rmdirSync(folder)
  } catch {
    // ENOTEMPTY or ENOTDIR: a worker has put something else there. ENOENT: it is gone.
  }
}

function removeEntries(folder: string, pid: string): void {
  for (const name of entriesOf(folder).filter((each) => each === pid || each === `${pid}.sock`))
    removeEntry(join(folder, name))
}

/** A folder in the place of an entry stays: what is below it may be exchanged while it is walked. */
function removeEntry(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // EISDIR, for which Bun says EFAULT: a worker has put a folder there since the entries were read. EACCES, EROFS: it stays.
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    // A link in its place, which leads into another folder, is not followed.
    if (!lstatSync(folder).isDirectory()) return []
    const entries = readdirSync(folder, { withFileTypes: true })
    return entries.filter((entry) => !entry.isDirectory() && ENTRY.test(entry.name)).map(({ name }) => name)
  } catch {
    // ENOENT
    return []
  }
}
