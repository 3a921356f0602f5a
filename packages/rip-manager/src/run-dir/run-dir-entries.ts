import { lstatSync, rmdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ManagerError } from '../contract/errors.ts'
import { isListening, removeStaleSocket } from '../socket/listening.ts'
import { BUS_FOLDER, clearBusFolder, removeBusFolder } from './bus-folder.ts'
import { takeBackFolder } from './lent-folder.ts'
import { SECRET_NAME } from './shared-secret.ts'
import { namesIn } from '../system/names-in.ts'

/** Begins the names of files by which balancers know what one of them has learned. */
export const LEARNED_NAME = 'learned'

/** Of a worker, or of the balancer. */
const LENT_FOLDER = /^(?:w\d+\.\d+-[\w-]+|balancer(?:-\d+)?)$/
const OWN_ENTRY =
  /^(?:(?:control|links|admin)(?:-\d+)?\.sock|w\d+\.\d+-[\w-]+(?:\.sock(?:\.left|\.cmd)?)?|balancer(?:-\d+)?|state\.json.*|bus)$/
const SOCKET = /\.sock(?:\.left|\.cmd)?$/
/** Of balancers beside the instance, which come and go by themselves; see `meeting/meeting-place.ts`. */
const OF_BALANCERS = /^(?:joined|lends|meets)-\d+\.sock$/
/** Of the instance and the balancers beside it together, and what they write before it has its name. */
const SHARED = new RegExp(`^(?:${SECRET_NAME}(?:-\\d+(?:\\.[\\w-]+)?)?|${LEARNED_NAME}-\\d+(?:\\.\\d+)?)$`)

/**
 * A folder that an operator chose and that holds other things is refused: names of ours in it would be taken over, and removed.
 *
 * @throws ManagerError `RUN_DIR_UNSAFE`
 */
export function assertEmptyOrOurs(path: string): void {
  const names = namesIn(path)
  if (names.length === 0 || names.includes('lock') || names.every(isOfBalancers)) return
  const reason = `it is not empty (${names[0]}), and no instance made it`
  throw new ManagerError('RUN_DIR_UNSAFE', { path, reason })
}

/**
 * Removes what a killed predecessor left behind.
 *
 * @param addressedThrough the folder as sockets in it are addressed
 * @param shared the predecessor is still there, and its workers may not listen yet
 */
export async function removeDead(path: string, addressedThrough: string, shared: boolean): Promise<void> {
  const names = ownEntries(path)
  const theirs = namesIn(path).filter((name) => OF_BALANCERS.test(name))
  const sockets = [...names.filter((name) => SOCKET.test(name)), ...theirs]
  for (const name of sockets) await removeStaleSocket(join(path, name), join(addressedThrough, name))
  await clearBusFolder(join(path, BUS_FOLDER), join(addressedThrough, BUS_FOLDER))
  if (shared) return
  for (const name of names.filter((each) => LENT_FOLDER.test(each))) {
    if (!(await isListening(join(addressedThrough, name, 's.sock')))) takeBackFolder(join(path, name))
  }
}

/** Removes what an instance creates; a run directory that an operator chose may hold other things. */
export function removeOwn(path: string): void {
  for (const name of ownEntries(path)) removeEntry(join(path, name))
}

/** Removes the secret and what was learned, unless an instance or balancers stay that share them. */
export function removeShared(path: string): void {
  const names = namesIn(path)
  if (names.some((name) => name === 'lock' || OF_BALANCERS.test(name))) return
  for (const name of names) if (SHARED.test(name)) rmSync(join(path, name), { force: true })
}

/** Removes the folder itself. */
export function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // ENOTEMPTY: a successor has it, or other things are kept there. ENOENT: gone already.
  }
}

function isOfBalancers(name: string): boolean {
  return SHARED.test(name) || OF_BALANCERS.test(name)
}

function removeEntry(path: string): void {
  if (basename(path) === BUS_FOLDER) return removeBusFolder(path)
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) takeBackFolder(path)
  else rmSync(path, { force: true })
}

function ownEntries(path: string): readonly string[] {
  return namesIn(path).filter((name) => OWN_ENTRY.test(name))
}
