import { expect, spyOn, test } from 'bun:test'
import { loadCLibrary } from '../src/program/c-library.ts'
import { ProcessFigures } from '../src/program/process-figures.ts'

/** As the runtime throws it. */
const refusal = (errno: number): Error =>
  Object.assign(new Error('Failed to get memory usage'), { syscall: 'memoryUsage', errno })

test.each([
  ['there is no descriptor to read it with', 24, 0],
  ['the machine has none left', 23, undefined],
  ['there is no memory', 12, undefined],
])('the memory is the last one known when %s', (_, errno, freeDescriptors) => {
  const figures = new ProcessFigures()
  const before = figures.take()
  expect(before.rssBytes).toBeGreaterThan(1_000_000)
  expect(before).not.toHaveProperty('freeDescriptors')
  const reading = spyOn(process.memoryUsage, 'rss').mockImplementation(() => {
    throw refusal(errno)
  })
  try {
    const now = figures.take()
    expect(now.rssBytes).toBe(before.rssBytes)
    expect(now.freeDescriptors).toBe(freeDescriptors)
  } finally {
    reading.mockRestore()
  }
})

test.skipIf(process.platform !== 'linux')(
  'what is held back is no leak of descriptors, and is given back',
  () => {
    const figures = new ProcessFigures()
    figures.reserveDescriptors(loadCLibrary())
    const first = figures.take().freeDescriptors
    for (let n = 0; n < 100; n++) figures.take()
    expect(figures.take().freeDescriptors).toBe(first)
    expect(figures.canOpen).toBe(true)
    figures.releaseDescriptors()
  },
)
