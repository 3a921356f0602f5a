import { expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContentTree } from '@rip/manager'
import { SnapshotBuilder } from '../../src/builder/snapshot-builder.ts'

test('a build that takes the place of one that has just begun gets a folder of its own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rip-builder-'))
  chmodSync(folder, 0o755)
  const root = mkdtempSync(join(folder, 'app-'))
  chmodSync(root, 0o755)
  writeFileSync(join(root, 'index.ts'), 'export default 1\n')
  const env = { PATH: process.env['PATH'] ?? '', RIP_CACHE: 'off' }
  await using builder = new SnapshotBuilder({
    root,
    entries: [join(root, 'index.ts')],
    tree: createContentTree({ root }),
    folder: join(folder, 'snapshots'),
    env: () => env,
    // The user who runs the tests, so that the builder can start without root, too.
    account: { uid: process.getuid!(), gid: process.getgid!() } as never,
  })
  const superseded = new AbortController()
  const first = builder
    .build({ generation: 'g1', files: new Map(), newestMs: 0 }, { signal: superseded.signal })
    .catch((e: unknown) => e)
  superseded.abort()
  const second = builder.build(
    { generation: 'g2', files: new Map(), newestMs: 0 },
    { signal: new AbortController().signal },
  )
  expect(await second).toMatchObject({ ok: true })
  expect(await first).toMatchObject({ name: 'AbortError' })
  rmSync(folder, { recursive: true, force: true })
})
