import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Session } from 'node:inspector/promises'
import { until } from '@rip/testing'
import { cpuSummary } from '../../src/inspection/cpu-summary.ts'
import { Declarations } from '../../src/inspection/find-declaration.ts'
import { type MemoryGrowth, memoryGrowth } from '../../src/inspection/memory-growth.ts'
import { PrivateFile } from '../../src/inspection/private-file.ts'
import { processorShare } from '../../src/inspection/processor-share.ts'

async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'rip-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

const GROWING = fileURLToPath(new URL('growing.ts', import.meta.url))
const figures = { rssBytes: 0, heapBytes: 0, outsideBytes: 0, objects: 0, types: {} }

async function growthOf(scene: 'lists' | 'map' | 'once'): Promise<MemoryGrowth> {
  const child = Bun.spawn([process.execPath, GROWING, scene], { stdio: ['ignore', 'pipe', 'inherit'] })
  return (await child.stdout.json()) as MemoryGrowth
}

describe('what grew between two looks', () => {
  test('is named by class, by the variable that holds it, and by the place of its declaration', async () => {
    const { classes, holders } = await growthOf('lists')
    expect(classes.find(({ name }) => name === 'Visit')).toMatchObject({ count: 3_200, grown: 3_000 })
    const held = new Map(holders.map((holder) => [holder.path, holder]))
    expect(held.get('visits')).toMatchObject({ kind: 'Array', entries: 3_200, grown: 3_000 })
    expect(held.get('visits')!.declared).toMatch(/^growing\.ts:\d+$/)
    expect(held.get('cache.entries')).toMatchObject({ grown: 1_500 })
    expect(held.get('byKey')!.entries).toBeWithin(3_200, 4 * 3_200)
  })

  test('a Map that still had room is named as well, when there is more in Maps and Sets', async () => {
    const { holders } = await growthOf('map')
    expect(holders.find(({ path }) => path === 'sessions')).toMatchObject({ grown: 0, mayHaveGrown: true })
  })

  test('with one look alone, what is largest is told', async () => {
    const { classes, holders } = await growthOf('once')
    expect(classes.every(({ grown }) => grown === 0)).toBe(true)
    expect(holders.map(({ path }) => path)).toContain('largest')
  })

  test('without snapshots, types are compared', () => {
    const before = { figures: { ...figures, objects: 10, types: { Promise: 5, Map: 1 } }, heap: undefined }
    const after = { figures: { ...figures, objects: 90, types: { Promise: 85, Map: 1 } }, heap: undefined }
    expect(memoryGrowth(before, after, new Declarations('/nowhere'))).toMatchObject({
      grownObjects: 80,
      classes: [{ name: 'Promise', count: 85, grown: 80 }],
      holders: [],
    })
  })
})

function burn(): number {
  let sum = 0
  for (let n = 0; n < 20_000; n++) sum += JSON.stringify({ n, text: 'x'.repeat(20) }).length
  return sum
}

test('a profile names the function of the application that takes the time, with what it calls', async () => {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  const before = process.cpuUsage()
  while (process.cpuUsage(before).user < 400_000) burn()
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  const { functions, samples } = cpuSummary(
    Buffer.from(JSON.stringify(profile)),
    (file) => file === import.meta.path,
  )
  expect(samples).toBeGreaterThan(10)
  expect(functions[0]).toMatchObject({ name: 'burn', file: import.meta.path })
  expect(functions[0]!.share).toBeGreaterThan(0.5)
})

describe('what is found is written to a file', () => {
  test('that is new, and that only its owner can read', async () => {
    await using folder = await temporaryFolder()
    {
      await using file = await PrivateFile.create('a.heapsnapshot', folder.path)
      await file.write(Buffer.from('one, '))
      await file.write(Buffer.from('two'))
      file.keep()
    }
    const path = join(folder.path, 'a.heapsnapshot')
    expect(await readFile(path, 'utf8')).toBe('one, two')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  test('that is removed when it is not complete', async () => {
    await using folder = await temporaryFolder()
    {
      await using file = await PrivateFile.create('a', folder.path)
      await file.write(Buffer.from('one'))
    }
    expect(existsSync(join(folder.path, 'a'))).toBe(false)
  })

  test('never over another one, nor through a link', async () => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, 'there'), 'mine')
    await symlink(join(folder.path, 'elsewhere'), join(folder.path, 'link'))
    for (const name of ['there', 'link'])
      expect(PrivateFile.create(name, folder.path)).rejects.toThrow(
        `${name} cannot be written: it exists already; remove it or choose another name`,
      )
    expect(await readFile(join(folder.path, 'there'), 'utf8')).toBe('mine')
    expect(existsSync(join(folder.path, 'elsewhere'))).toBe(false)
  })
})

test('the use of the processor is that of the process', async () => {
  const busy = Bun.spawn([process.execPath, '-e', 'for (;;) {}'])
  const idle = Bun.spawn([process.execPath, '-e', 'setInterval(() => {}, 1e6)'])
  try {
    await until('the busy one gets the processor', async () => (await processorShare(busy.pid))! > 0)
    await until('the idle one has started and rests', async () => (await processorShare(idle.pid))! < 0.5)
    expect(await processorShare(null)).toBeUndefined()
  } finally {
    busy.kill()
    idle.kill()
    await Promise.all([busy.exited, idle.exited])
  }
})
