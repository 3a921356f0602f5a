import { describe, expect, test } from 'bun:test'
import { fakeClock, settled } from '../../src/testing/fake-clock.ts'
import { BootWrites } from '../../src/watch/boot-writes.ts'
import { createChangeDetector } from '../../src/watch/change-detector.ts'
import type { ContentTree } from '../../src/watch/content-tree.ts'

/** A watched folder of which `app.ts` is the code, and an application that starts whenever it wakes. */
async function setup(isCodeKnown = true) {
  const clock = fakeClock()
  const files = new Map([['app.ts', '1']])
  const warnings: string[] = []
  const bootWrites = new BootWrites()
  let newestMs = 0
  let wakes = 0
  let report = (): void => {}
  const tree: ContentTree = {
    read: async () => ({ generation: JSON.stringify([...files]), files: new Map(files), newestMs }),
    isIgnored: () => false,
    exclude: () => {},
    follow: () => {},
    followed: [],
    imported: [],
    isUnimported: (path) => isCodeKnown && path !== 'app.ts',
    account: () => ({ what: 'nothing', counts: false, isImported: null }),
  }
  const detector = createChangeDetector({
    tree,
    clock,
    files: { start: async (_, wake) => void (report = wake), close: async () => {}, rearm: async () => {} },
    bootWrites,
    onWarning: (text) => warnings.push(text),
  })
  const write = async (path: string, content: string, afterMs = 60): Promise<void> => {
    await clock.advance(afterMs)
    newestMs = clock.wallMs()
    files.set(path, content)
    report()
    await clock.advance(50)
  }
  const remove = async (path: string): Promise<void> => {
    files.delete(path)
    report()
    await clock.advance(50)
  }
  let pid = 0
  /** Starts a worker, which writes while it boots. */
  const start = async (path: string, content: string): Promise<void> => {
    bootWrites.started(++pid, clock.wallMs())
    await write(path, content)
    bootWrites.settled(pid, clock.wallMs())
    await settled()
  }
  await detector.start('/app', () => void (wakes += 1))
  return { clock, warnings, write, remove, start, wakes: () => wakes, close: () => detector.close() }
}

describe('what an application writes at each start', () => {
  test.each([
    ['ever new files', (n: number) => `gen/${n}.ts`],
    ['the same file, with other content', () => 'routes.ts'],
  ])('starts it again a few times, is told once, and then no longer does: %s', async (_, path) => {
    const { start, wakes, warnings, close } = await setup()
    for (let n = 1; n <= 30; n++) await start(path(n), `written by start ${n}`)
    expect(wakes()).toBe(3)
    expect(warnings).toEqual([
      expect.stringContaining(`the application writes ${path(4)} while it starts, again and again`),
    ])
    await close()
  })

  test('does not hide what is saved at another time, nor the code at any time', async () => {
    const { clock, start, write, wakes, close } = await setup()
    for (let n = 1; n <= 6; n++) await start(`gen/${n}.ts`, '')
    await clock.advance(2_000)
    await write('notes.md', 'saved')
    expect(wakes()).toBe(4)
    await start('app.ts', 'saved while it starts')
    expect(wakes()).toBe(5)
    await start('gen/7.ts', '')
    expect(wakes()).toBe(5)
    await close()
  })

  test('is not believed because of some saves at the same time', async () => {
    const { start, wakes, warnings, close } = await setup()
    for (let n = 1; n <= 8; n++) {
      for (let m = 1; m <= 3; m++) await start(`style-${m}.css`, `saved ${n}`)
      await start('app.ts', `saved ${n}`)
    }
    expect(wakes()).toBe(32)
    expect(warnings).toEqual([])
    await close()
  })

  test.each([
    ['app.ts', true],
    ['server.py', false],
  ])('and may be code starts it again all the same, and is told: %s', async (path, isCodeKnown) => {
    const { start, wakes, warnings, close } = await setup(isCodeKnown)
    for (let n = 1; n <= 12; n++) await start(path, `written by start ${n}`)
    expect(wakes()).toBe(12)
    expect(warnings).toEqual([expect.stringContaining(`${path} changes each time the application starts`)])
    await close()
  })
})

describe('ever new files that the code does not import', () => {
  test('start the application a few times, are told once, and then no longer do while they come', async () => {
    const { write, wakes, warnings, close } = await setup()
    for (let n = 1; n <= 200; n++) await write(`report-${n}.html`, 'written', 1_500)
    expect(wakes()).toBe(5)
    expect(warnings).toEqual([expect.stringContaining('ever new files such as report-6.html')])
    await close()
  })

  test('may be seen before all of them is written, and may go again', async () => {
    const { write, remove, wakes, close } = await setup()
    for (let n = 1; n <= 50; n++) {
      await write(`page-${n}.ts`, '', 700)
      await write(`page-${n}.ts`, 'export {}', 10)
      if (n > 10) await remove(`page-${n - 10}.ts`)
    }
    // Each of the first five, and the rest of it.
    expect(wakes()).toBe(10)
    await close()
  })

  test('do not hide what is saved meanwhile, and are news when no more come', async () => {
    const { clock, write, wakes, close } = await setup()
    for (let n = 1; n <= 10; n++) await write(`gen/${n}.ts`, 'generated', 100)
    expect(wakes()).toBe(5)
    await write('app.ts', 'saved', 100)
    expect(wakes()).toBe(6)
    await write('gen/11.ts', 'generated', 100)
    expect(wakes()).toBe(6)
    await write('gen/11.ts', 'saved by hand', 1_000)
    expect(wakes()).toBe(7)
    await write('gen/12.ts', 'generated', 100)
    await clock.advance(9_000)
    expect(wakes()).toBe(7)
    await clock.advance(2_000)
    expect(wakes()).toBe(8)
    await close()
  })

  test('are not one that is deleted and made again, however often', async () => {
    const { write, remove, wakes, warnings, close } = await setup()
    for (let n = 1; n <= 10; n++) {
      await write('routes/a.ts', `saved ${n}`, 100)
      await remove('routes/a.ts')
    }
    expect(wakes()).toBe(20)
    expect(warnings).toEqual([])
    await close()
  })

  test('are news each when a person makes one now and then', async () => {
    const { write, wakes, warnings, close } = await setup()
    for (let n = 1; n <= 10; n++) await write(`routes/${n}.ts`, 'by hand', 3_000)
    expect(wakes()).toBe(10)
    expect(warnings).toEqual([])
    await close()
  })
})
