import { expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContentTree } from '@rip/manager'
import { SnapshotBuilder } from '../../src/builder/snapshot-builder.ts'

test.if(process.geteuid?.() === 0)(
  'a build that takes the place of one that has just begun gets a folder of its own',
  async () => {
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
      account: { uid: 65534, gid: 65534 } as never,
    })
    const superseded = new AbortController()
    const first = builder
      .build({ generation: 'g1', files: new Map(), newestMs: 0 }, { signal: superseded.signal })
      .catch((e: unknown) => e)
    superseded.abort()
    const second = await builder
      .build({ generation: 'g2', files: new Map(), newestMs: 0 }, { signal: new AbortController().signal })
      .catch((e: unknown) => e)
    await first
    expect(String(second)).not.toContain('EEXIST')
    rmSync(folder, { recursive: true, force: true })
  },
)
