import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ManagerError } from '../contract/errors.ts'
import type { Account } from '../contract/account.ts'

const OWNER_ONLY = 0o700
const SOCKET_MODE = 0o600
const ROOT: Account = { uid: 0, gid: 0 }

/** Makes a folder that only its owner, and root, can enter. */
export function lendFolder(path: string, { uid, gid }: Account): void {
  mkdirSync(path, { mode: OWNER_ONLY })
  chownSync(path, uid, gid)
}

/**
 * Hands the sockets in a lent folder on to another user, and closes the folder to the user who made them: no client connects to
 * them by name any more, and no link can take their place, which would have the new owner talk to something else.
 *
 * @throws ManagerError `SOCKET_UNSAFE` when what is there is no socket of the maker's own.
 */
export function handOnSockets(folder: string, names: readonly string[], from: Account, to: Account): void {
  // From here on only root changes what is in it, also through a descriptor that was opened before.
  chownSync(folder, ROOT.uid, ROOT.gid)
  for (const name of names) {
    const path = join(folder, name)
    const status = lstatSync(path, { throwIfNoEntry: false })
    if (status === undefined) continue
    if (!status.isSocket() || status.uid !== from.uid || status.nlink !== 1)
      throw new ManagerError('SOCKET_UNSAFE', { path })
    chownSync(path, to.uid, to.gid)
    chmodSync(path, SOCKET_MODE)
  }
  chownSync(folder, to.uid, to.gid)
}

/**
 * Removes a folder that was lent. Folders that its user made in it are left: in one that others can change, what is below a
 * path may be exchanged for something else while it is walked.
 */
export function takeBackFolder(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return
  chownSync(path, ROOT.uid, ROOT.gid)
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (!entry.isDirectory()) rmSync(join(path, entry.name), { force: true })
  try {
    rmdirSync(path)
  } catch {
    // ENOTEMPTY
  }
}
