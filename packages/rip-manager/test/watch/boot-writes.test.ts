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
  let pid = 0
  /** Starts a worker, which writes while it boots. */
  const start = async (path: string, content: string): Promise<void> => {
    bootWrites.started(++pid, clock.wallMs())
    await write(path, content)
    bootWrites.settled(pid, clock.wallMs())
    await settled()
  }
  await detector.start('/app', () => void (wakes += 1))
  return { clock, warnings, write, start, wakes: () => wakes, close: () => detector.close() }
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
