/** Writes the page of `rip-server` for `man`, which its package has, before it is packed: `bun scripts/src/man-page.ts`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { manPage } from '../../packages/rip-server-cli/src/command-line/man-page.ts'

const folder = join(import.meta.dir, '../../packages/rip-server-cli/man')
await mkdir(folder, { recursive: true })
await writeFile(join(folder, 'rip-server.1'), manPage())
