import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BuilderProcess, type BuildOrder } from '../../src/builder/builder-process.ts'

let folder: string

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rip-builder-')))
  writeFileSync(join(folder, 'index.ts'), 'export default 1\n')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function built(order: Partial<BuildOrder>): Promise<BuilderProcess> {
  const builder = new BuilderProcess({
    root: folder,
    env: { PATH: process.env['PATH'] ?? '', RIP_CACHE: 'off' },
  })
  const { report } = await builder.build(
    {
      root: folder,
      out: join(folder, 'out'),
      generation: 'g1',
      entries: [join(folder, 'index.ts')],
      packages: join(folder, 'packages'),
      packagesUnchanged: false,
      ...order,
    },
    new AbortController().signal,
  )
  expect(report).toMatchObject({ ok: true })
  return builder
}

test('a builder that may linger is not ended with its report, and ends when it is told to', async () => {
  const builder = await built({ lingerMs: 60_000 })
  // Long enough for a process that has nothing more to do.
  expect(await Promise.race([builder.exited, Bun.sleep(200).then(() => 'lives')])).toBe('lives')
  builder.kill()
  await builder.exited
})

test('a builder that may linger is ended when its time is up', async () => {
  const builder = await built({ lingerMs: 10 })
  await builder.exited
})
