import { describe, expect, test } from 'bun:test'
import { chownSync, existsSync, mkdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { handOnSockets, lendFolder, takeBackFolder } from '../../src/run-dir/lent-folder.ts'
import { temporaryFolder } from '../real.ts'

const worker = { uid: 54_321, gid: 54_322 }
const router = { uid: 54_323, gid: 54_323 }
const owner = (path: string): string => `${statSync(path).uid} ${(statSync(path).mode & 0o777).toString(8)}`

/** Creates a socket as a process of that user. */
function socketOf({ uid, gid }: typeof worker, path: string): Bun.UnixSocketListener<undefined> {
  const listener = Bun.listen({ unix: path, socket: { data() {} } })
  chownSync(path, uid, gid)
  return listener
}

describe.skipIf(process.getuid?.() !== 0)('a folder that is lent (needs root to be several users)', () => {
  test('belongs to its user until the socket in it is handed on', async () => {
    await using folder = await temporaryFolder()
    const lent = folder.at('w1')
    lendFolder(lent, worker)
    expect(owner(lent)).toBe('54321 700')
    const socket = socketOf(worker, join(lent, 's.sock'))
    handOnSockets(lent, ['s.sock', 's.sock.left'], worker, router)
    expect([owner(lent), owner(join(lent, 's.sock'))]).toEqual(['54323 700', '54323 600'])
    socket.stop()
    takeBackFolder(lent)
    expect(existsSync(lent)).toBe(false)
  })

  test('is refused when something else is in place of the socket', async () => {
    await using folder = await temporaryFolder()
    const control = socketOf({ uid: 0, gid: 0 }, folder.at('control.sock'))
    const plants: Readonly<Record<string, (path: string) => void>> = {
      'a link': (path) => symlinkSync(folder.at('control.sock'), path),
      'a file': (path) => writeFileSync(path, ''),
      'a folder': (path) => mkdirSync(path),
      'a socket of somebody else': (path) => renameSync(folder.at('control.sock'), path),
    }
    for (const [name, plant] of Object.entries(plants)) {
      const lent = folder.at(`w-${name}`)
      lendFolder(lent, worker)
      plant(join(lent, 's.sock'))
      expect(() => handOnSockets(lent, ['s.sock'], worker, router)).toThrow(
        'is not the socket its worker was to make',
      )
      // It is closed anyway, and belongs to root.
      expect(owner(lent)).toBe('0 700')
    }
    control.stop()
  })

  test('is taken back without following links in it', async () => {
    await using folder = await temporaryFolder()
    const lent = folder.at('w1')
    lendFolder(lent, worker)
    mkdirSync(folder.at('precious'))
    writeFileSync(folder.at('precious', 'file'), '')
    symlinkSync(folder.at('precious'), join(lent, 'link'))
    takeBackFolder(lent)
    expect(existsSync(lent)).toBe(false)
    expect(existsSync(folder.at('precious', 'file'))).toBe(true)
  })
})
