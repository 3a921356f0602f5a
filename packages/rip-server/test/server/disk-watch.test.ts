import { expect, test } from 'bun:test'
import { DiskWatch, type FileSystem, type Written, writtenBy } from '../../src/server/disk-watch.ts'

const MIB = 2 ** 20
const roomy: FileSystem = { bavail: 1_000, blocks: 10_000, bsize: MIB, files: 100, ffree: 50 }

/** A watch of what this server writes, and what it has told. */
function watched(
  statfs: (folder: string) => Promise<FileSystem>,
  written: () => readonly Written[] = () => writtenBy('/run/shop', '/log/access.log'),
): { readonly told: string[]; readonly watch: DiskWatch } {
  const told: string[] = []
  return { told, watch: new DiskWatch({ written, tell: (message) => void told.push(message), statfs }) }
}

test('a disk without room is told once, with what follows, and once that there is room again', async () => {
  let log = roomy
  const { told, watch } = watched(async (folder) => (folder === '/log' ? log : roomy))
  using _closed = watch
  await watch.look()
  expect([told, watch.reasons]).toEqual([[], []])
  log = { ...roomy, bavail: 15 }
  await watch.look()
  await watch.look()
  const reason =
    'there is no room left for the access log /log/access.log: its lines are lost, requests are served'
  expect([told, watch.reasons]).toEqual([[reason], [reason]])
  log = { ...roomy, bavail: 17 }
  await watch.look()
  await watch.look()
  expect(told).toEqual([reason, 'there is room again for the access log /log/access.log'])
  expect(watch.reasons).toEqual([])
})

test.each<[string, FileSystem, boolean]>([
  ['without room for more files', { ...roomy, ffree: 0 }, true],
  ['that counts no files', { ...roomy, files: 0, ffree: 0 }, false],
  ['that is small, and has a fiftieth left', { ...roomy, blocks: 64, bavail: 2 }, false],
  ['that is small, and has less', { ...roomy, blocks: 64, bavail: 1 }, true],
])('a file system %s', async (_what, system, isFull) => {
  const { watch } = watched(async () => system)
  using _closed = watch
  await watch.look()
  expect(watch.reasons).toHaveLength(isFull ? 2 : 0)
})

test('a folder that is missing, or no longer written to, is no reason', async () => {
  let system: FileSystem | undefined = { ...roomy, bavail: 0 }
  let logFile: string | undefined = '/log/a'
  const { told, watch } = watched(
    async () => system ?? Promise.reject(new Error('ENOENT')),
    () => writtenBy('/run/shop', logFile),
  )
  using _closed = watch
  await watch.look()
  expect(watch.reasons).toHaveLength(2)
  system = undefined
  logFile = undefined
  await watch.look()
  expect(watch.reasons).toEqual([expect.stringContaining('/run/shop')])
  expect(told).toHaveLength(2)
})
