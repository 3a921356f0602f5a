import { constants } from 'node:fs'
import { chmod, chown, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from '@rip/manager'

/** A module or a file of a package; what is larger was made by something else than the builder. */
const MAX_FILE_BYTES = 268_435_456
const FOLDER_MODE = 0o750
const FILE_MODE = 0o640

/**
 * Copies what a builder of another user made to where that user can read and not change it. Links are not followed and
 * only what belongs to that user is read, so that it is handed nothing it could not read itself.
 *
 * @param change of the content of a file, by its name
 * @throws {Error} when there is something else than folders and files of that user.
 */
export async function takeIn(
  from: string,
  to: string,
  maker: Account,
  change: (name: string, bytes: Buffer) => string | Buffer = (_, bytes) => bytes,
): Promise<void> {
  await makeReadable(to, maker)
  for (const { name } of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, name), join(to, name)]
    const bytes = await readOwn(source, maker)
    if (bytes === undefined) await takeIn(source, target, maker, change)
    else await writeReadable(target, change(name, bytes), maker)
  }
}

/** The same, to a place that either has all of it or is not there. */
export async function takeInWhole(from: string, to: string, maker: Account): Promise<void> {
  const temporary = `${to}.tmp`
  await rm(temporary, { recursive: true, force: true })
  await takeIn(from, temporary, maker)
  await rename(temporary, to)
}

/** Makes a folder the user can read and not write to; one that is there stays as it is. */
export async function makeReadable(path: string, { gid }: Account): Promise<void> {
  if ((await mkdir(path, { recursive: true })) === undefined) return
  await chmod(path, FOLDER_MODE)
  await chown(path, 0, gid)
}

/** Undefined for a folder. */
async function readOwn(path: string, { uid }: Account): Promise<Buffer | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  await using file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  const status = await file.stat()
  if (status.uid !== uid) throw new Error(`${path} belongs to user ${status.uid}, not to the builder`)
  if (status.isDirectory()) return undefined
  if (!status.isFile() || status.size > MAX_FILE_BYTES) throw new Error(`${path} is nothing a builder makes`)
  const bytes = Buffer.alloc(status.size)
  const { bytesRead } = await file.read(bytes, 0, status.size, 0)
  return bytes.subarray(0, bytesRead)
}

async function writeReadable(path: string, bytes: string | Buffer, { gid }: Account): Promise<void> {
  await using file = await open(path, 'wx', FILE_MODE)
  await file.chmod(FILE_MODE)
  await file.chown(0, gid)
  await file.writeFile(bytes)
}

/** Makes a folder that is that user's alone. */
export async function makeWorkshop(path: string, { uid, gid }: Account): Promise<void> {
  await mkdir(path, { mode: 0o700 })
  await chown(path, uid, gid)
}

/** Removes it as that user: what is below a path others can change may be exchanged for something else while it is walked. */
export async function removeWorkshop(path: string, { uid, gid }: Account): Promise<void> {
  await Bun.spawn(['rm', '-rf', '--', path], { uid, gid, cwd: '/', stdio: ['ignore', 'ignore', 'ignore'] })
    .exited
}
