import { constants } from 'node:fs'
import { chmod, chown, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from '@rip/manager'

/** A module or a file of a package; the builder makes none that is larger. */
const MAX_FILE_BYTES = 268_435_456
const FOLDER_MODE = 0o750
const FILE_MODE = 0o640

/**
 * Copies the output of a builder of another user to a place where that user can read it but not change it. Follows no
 * links and reads only files of that user, so that the user gets nothing it could not read itself.
 *
 * @param change changes the content of a file, by its name
 * @throws {Error} when there is anything other than folders and files of that user.
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

/** Like {@link takeIn}, to a folder that appears only when it is complete. */
export async function takeInWhole(from: string, to: string, maker: Account): Promise<void> {
  const temporary = `${to}.tmp`
  await rm(temporary, { recursive: true, force: true })
  await takeIn(from, temporary, maker)
  await rename(temporary, to)
}

/** Makes a folder the user can read and not write to; an existing one is not changed. */
export async function makeReadable(path: string, { gid }: Account): Promise<void> {
  if ((await mkdir(path, { recursive: true })) === undefined) return
  await chmod(path, FOLDER_MODE)
  await chown(path, 0, gid)
}

/** Reads a file of that user; `undefined` for a folder. */
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

/** Makes a folder that only that user can enter. */
export async function makeWorkshop(path: string, { uid, gid }: Account): Promise<void> {
  await mkdir(path, { mode: 0o700 })
  await chown(path, uid, gid)
}

/** Removes it as that user, because the user may exchange what is below the path during the removal. */
export async function removeWorkshop(path: string, { uid, gid }: Account): Promise<void> {
  await Bun.spawn(['rm', '-rf', '--', path], { uid, gid, cwd: '/', stdio: ['ignore', 'ignore', 'ignore'] })
    .exited
}
