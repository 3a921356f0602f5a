import { expect, test } from 'bun:test'
import { dirname } from 'node:path'
import type { TreeState } from '../../src/contract/ports.ts'
import { fakeClock, settled } from '../../src/testing/fake-clock.ts'
import type { FakeClock } from '../../src/testing/fake-clock.ts'
import { type ChangeDetectorOptions, createChangeDetector } from '../../src/watch/change-detector.ts'
import type { ContentTree } from '../../src/watch/content-tree.ts'

const emptyHash = new Bun.CryptoHasher('sha256').digest('hex')

interface Setup {
  readonly clock: FakeClock
  readonly files: Map<string, string>
  readonly warnings: string[]
  readonly report: () => void
  readonly wakes: () => number
  /** The tree that each wake handed over. */
  readonly handed: readonly (TreeState | undefined)[]
  readonly reads: () => number
  readonly close: () => Promise<void>
}

async function setup(options: Partial<ChangeDetectorOptions> = {}): Promise<Setup> {
  const clock = fakeClock()
  const files = new Map([['app.ts', '1']])
  const warnings: string[] = []
  const excluded = new Set<string>()
  const handed: (TreeState | undefined)[] = []
  let reads = 0
  let report = (): void => {}
  const tree: ContentTree = {
    async read(): Promise<TreeState> {
      reads += 1
      if (files.has('gone')) throw new Error('ENOENT')
      const content = [...files].filter(([path]) => !excluded.has(path) && !excluded.has(dirname(path)))
      return { generation: JSON.stringify(content), files: new Map(content), newestMs: 0 }
    },
    isIgnored: () => false,
    exclude: (path) => void excluded.add(path),
    follow: () => {},
    followed: [],
    imported: [],
    isUnimported: () => false,
    account: () => ({ what: 'nothing', counts: false, isImported: null }),
  }
  const watcher = {
    start: async (_: string, wake: () => void) => void (report = wake),
    close: async () => {},
    rearm: async () => {},
  }
  const detector = createChangeDetector({
    tree,
    clock,
    files: watcher,
    onWarning: (text) => warnings.push(text),
    ...options,
  })
  await detector.start('/app', (seen) => void handed.push(seen))
  return {
    clock,
    files,
    warnings,
    report: () => report(),
    wakes: () => handed.length,
    handed,
    reads: () => reads,
    close: () => detector.close(),
  }
}

test('wakes when changes have paused', async () => {
  const { clock, files, report, wakes } = await setup()
  files.set('app.ts', '2')
  report()
  await clock.advance(49)
  expect(wakes()).toBe(0)
  await clock.advance(1)
  expect(wakes()).toBe(1)
  await clock.advance(10_000)
  expect(wakes()).toBe(1)
})

test('endless reports cannot delay it forever', async () => {
  const { clock, files, report, wakes } = await setup()
  files.set('app.ts', '2')
  for (let ms = 0; ms < 240; ms += 20) {
    report()
    await clock.advance(20)
  }
  expect(wakes()).toBe(0)
  report()
  await clock.advance(10)
  expect(wakes()).toBe(1)
})

test('the tree that was read is handed over, so that it need not be read again', async () => {
  const { clock, files, report, handed, reads } = await setup()
  const before = reads()
  files.set('app.ts', '2')
  report()
  await clock.advance(100)
  expect([handed.map((tree) => tree?.files.get('app.ts')), reads() - before]).toEqual([['2'], 1])
})

test('reports without new content do not wake', async () => {
  const { clock, report, wakes, reads } = await setup()
  for (let count = 0; count < 5; count += 1) {
    report()
    await clock.advance(100)
  }
  expect(reads()).toBeGreaterThan(5)
  expect(wakes()).toBe(0)
})

test('a change without a report is found by the sweep', async () => {
  const { clock, files, wakes } = await setup()
  files.set('app.ts', '2')
  await clock.advance(1_999)
  expect(wakes()).toBe(0)
  await clock.advance(1)
  expect(wakes()).toBe(1)
})

test('a leading look serves an ordinary save sooner, and the trailing one completes it', async () => {
  const { clock, files, report, wakes } = await setup({ leadingMs: 5 })
  files.set('app.ts', 'half')
  report()
  await clock.advance(5)
  expect(wakes()).toBe(1)
  files.set('app.ts', 'whole')
  report()
  await clock.advance(5)
  expect(wakes()).toBe(1)
  await clock.advance(45)
  expect(wakes()).toBe(2)
})

test.each<[string, (files: Map<string, string>) => void]>([
  ['an empty file', (files) => files.set('app.ts', emptyHash)],
  ['several files', (files) => files.set('app.ts', '2').set('lib.ts', '2')],
  ['a removed file', (files) => files.delete('app.ts')],
])('a leading look does not believe %s', async (_, change) => {
  const { clock, files, report, wakes } = await setup({ leadingMs: 5 })
  change(files)
  report()
  await clock.advance(49)
  expect(wakes()).toBe(0)
  await clock.advance(1)
  expect(wakes()).toBe(1)
})

test('a file that is replaced by another one is believed as soon as it is there', async () => {
  const { clock, files, report, wakes } = await setup({ leadingMs: 1 })
  files.delete('app.ts')
  report()
  await clock.advance(6)
  expect(wakes()).toBe(0)
  files.set('app.ts', '2')
  await clock.advance(1)
  expect(wakes()).toBe(1)
  await clock.advance(100)
  expect(wakes()).toBe(1)
})

test('reports without new content are looked at a few times, and less and less often', async () => {
  const { clock, report, reads } = await setup({ leadingMs: 1 })
  const before = reads()
  report()
  await clock.advance(1_000)
  // After 1, 3, 7, 15 and 31 ms, and when it has been quiet for 50 ms.
  expect(reads() - before).toBe(6)
})

test('a root that is gone for a while wakes when it is back with other content', async () => {
  const { clock, files, wakes } = await setup()
  files.set('gone', '')
  await clock.advance(2_000)
  expect(wakes()).toBe(0)
  files.delete('gone')
  files.set('app.ts', '2')
  await clock.advance(2_000)
  expect(wakes()).toBe(1)
})

test('a data file that the application keeps writing is left out with one warning', async () => {
  const { clock, files, warnings, wakes } = await setup()
  for (let version = 0; version < 10; version += 1) {
    files.set('data/visits.json', String(version))
    await clock.advance(2_000)
  }
  expect(wakes()).toBe(2)
  files.set('app.ts', '2')
  await clock.advance(2_000)
  expect(wakes()).toBe(3)
  expect(warnings).toEqual([expect.stringContaining('data/visits.json keeps changing')])
})

test('declarations of types that the application keeps writing are left out like data', async () => {
  const { clock, files, warnings } = await setup()
  for (let version = 0; version < 10; version += 1) {
    files.set('types.d.ts', String(version))
    await clock.advance(2_000)
  }
  expect(warnings).toEqual([expect.stringContaining('types.d.ts keeps changing')])
})

test('a data file that is written at every request wakes once', async () => {
  const { clock, files, report, warnings, wakes } = await setup({ leadingMs: 5 })
  for (let version = 0; version < 100; version += 1) {
    files.set('visits.txt', String(version))
    report()
    await clock.advance(60)
  }
  await clock.advance(10_000)
  expect(wakes()).toBe(1)
  expect(warnings).toEqual([expect.stringContaining('visits.txt keeps changing')])
})

test('a data file that is saved twice quickly wakes a second later, or with the next change of code', async () => {
  const { clock, files, report, warnings, wakes, handed } = await setup()
  const save = async (path: string, content: string): Promise<void> => {
    files.set(path, content)
    report()
    await clock.advance(400)
  }
  await save('menu.json', '1')
  await save('menu.json', '2')
  expect(wakes()).toBe(1)
  await clock.advance(1_000)
  expect(wakes()).toBe(2)
  // Content that was read a second ago may be gone.
  expect(handed.map((tree) => tree !== undefined)).toEqual([true, false])
  await clock.advance(60_000)
  await save('menu.json', '3')
  await save('menu.json', '4')
  expect(wakes()).toBe(3)
  await save('app.ts', '2')
  expect(wakes()).toBe(4)
  await clock.advance(60_000)
  expect([wakes(), warnings]).toEqual([4, []])
})

test('leaving a file out does not hide quick changes of another file', async () => {
  const { clock, files, report, wakes } = await setup()
  for (let version = 0; version < 3; version += 1) {
    files.set('visits.txt', String(version))
    if (version < 2) files.set('menu.json', String(version))
    report()
    await clock.advance(300)
  }
  expect(wakes()).toBe(1)
  await clock.advance(2_000)
  expect(wakes()).toBe(2)
})

test('a folder the application fills with ever new files is left out with one warning', async () => {
  const { clock, files, warnings, wakes } = await setup({ sweepMs: 1_000 })
  for (let upload = 0; upload < 20; upload += 1) {
    files.set(`uploads/${upload}.jpg`, 'x')
    await clock.advance(1_000)
  }
  expect(wakes()).toBe(5)
  expect(warnings).toEqual([expect.stringContaining('uploads keeps changing')])
})

test('code that is saved again and again is never left out', async () => {
  const { clock, files, warnings, wakes } = await setup()
  for (let version = 2; version < 22; version += 1) {
    files.set('app.ts', String(version))
    files.set('visits.json', String(version))
    await clock.advance(2_000)
  }
  expect(wakes()).toBe(20)
  expect(warnings).toEqual([])
})

test('data files that change now and then are content', async () => {
  const { clock, files, wakes } = await setup()
  for (let version = 0; version < 10; version += 1) {
    files.set('menu.json', String(version))
    await clock.advance(6_000)
  }
  expect(wakes()).toBe(10)
})

test('closing stops everything', async () => {
  const { clock, files, report, wakes, reads, close } = await setup({ leadingMs: 5 })
  files.set('app.ts', '2')
  report()
  const closing = close()
  expect(close()).toBe(closing)
  await closing
  const before = reads()
  await clock.advance(10_000)
  report()
  await clock.advance(10_000)
  await settled()
  expect([reads(), wakes()]).toEqual([before, 0])
})
