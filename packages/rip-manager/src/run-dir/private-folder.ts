import { lstatSync, mkdirSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { ManagerError } from '../contract/errors.ts'
import { isOfOursOrRoot, ownUid } from './owner.ts'
import { nearestFolder } from './nearest-folder.ts'

const PRIVATE_MODE = 0o700
const WRITABLE_BY_OTHERS = 0o022
const WRITABLE_BY_EVERYBODY = 0o002
const STICKY = 0o1000

/**
 * Makes a folder that only we can use, or accepts one that exists if it is ours and no other user can write to it.
 * An existing folder is never changed: an operator decided on its mode.
 *
 * @param mode of a folder that is made. @default 0o700
 * @throws ManagerError `RUN_DIR_UNSAFE`; `RUN_DIR_UNUSABLE` when it cannot be made
 */
export function ensurePrivateFolder(path: string, mode: number = PRIVATE_MODE): void {
  assertSafeParents(path)
  makeFolder(path, mode)
  const reason = whyUnsafe(lstatSync(path))
  if (reason !== undefined) throw unsafe(path, reason)
}

/** Whether a folder is there that only we can use, and that no other user can exchange. */
export function isPrivateFolder(path: string): boolean {
  try {
    assertSafeParents(path)
    return whyUnsafe(lstatSync(path)) === undefined
  } catch {
    // ENOENT, or EACCES on the way.
    return false
  }
}

function whyUnsafe(status: Stats): string | undefined {
  if (status.isSymbolicLink()) return 'it is a symbolic link'
  if (!status.isDirectory()) return 'it is not a folder'
  if (status.uid !== (ownUid() ?? status.uid)) return `it belongs to user ${status.uid}, not to us`
  if ((status.mode & WRITABLE_BY_OTHERS) !== 0)
    return `others can write to it (mode ${octal(status.mode)}); take that away with chmod go-w, or name another folder`
  return undefined
}

/** A user who can rename a folder on the way can put another one in its place. */
function assertSafeParents(path: string): void {
  for (const parent of parentsOf(path)) {
    const { uid, mode } = lstatSync(parent)
    if (!isOfOursOrRoot(uid)) throw unsafe(path, `${parent} belongs to user ${uid}`)
    if ((mode & WRITABLE_BY_EVERYBODY) !== 0 && (mode & STICKY) === 0)
      throw unsafe(path, `everybody can rename what is in ${parent} (mode ${octal(mode)})`)
  }
}

/** The folders above, links resolved, from the nearest that exists up to the root. */
function parentsOf(path: string): readonly string[] {
  const parents: string[] = []
  let folder = nearestFolder(dirname(path))
  while (parents.at(-1) !== folder) {
    parents.push(folder)
    folder = dirname(folder)
  }
  return parents
}

function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { recursive: true, mode })
  } catch (error) {
    // EEXIST: the name is taken by something else, which the caller looks at.
    const { code, message: reason } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') throw new ManagerError('RUN_DIR_UNUSABLE', { path, reason }, { cause: error })
  }
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8)
}

function unsafe(path: string, reason: string): ManagerError {
  return new ManagerError('RUN_DIR_UNSAFE', { path, reason })
}
