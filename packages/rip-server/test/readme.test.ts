import { expect, test } from 'bun:test'
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const TEST_TIMEOUT_MS = 60_000
/** In a longer path there would be no room for run directories with names of sockets. */
const MAX_TMPDIR_CHARS = 18

const packageFolder = dirname(dirname(fileURLToPath(import.meta.url)))
const readme = await readFile(join(packageFolder, 'README.md'), 'utf8')
const examples = [...readme.matchAll(/```ts run\n([\s\S]*?)```/g)].map((match) => match[1] ?? '')

/** The lines that an example prints. */
async function run(example: string): Promise<readonly string[]> {
  const parent = tmpdir().length <= MAX_TMPDIR_CHARS ? tmpdir() : '/tmp'
  const folder = await realpath(await mkdtemp(join(parent, 'rip-')))
  try {
    await mkdir(join(folder, 'program/node_modules/@rip'), { recursive: true })
    await symlink(packageFolder, join(folder, 'program/node_modules/@rip/server'))
    await writeFile(join(folder, 'program/example.ts'), example)
    await mkdir(join(folder, 'app'))
    const child = Bun.spawn([process.execPath, join(folder, 'program/example.ts')], {
      cwd: join(folder, 'app'),
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    if (code !== 0) throw new Error(stderr)
    return stdout.trimEnd().split('\n')
  } finally {
    await rm(folder, { recursive: true })
  }
}

test(
  'the first example of the README does what it says',
  async () => {
    expect(await run(examples[0]!)).toEqual(['serves', 'first', 'serves other code', 'true second'])
  },
  TEST_TIMEOUT_MS,
)

test(
  'the second example of the README does what it says',
  async () => {
    expect(await run(examples[1]!)).toEqual(['BOOT_REFUSED true', '200 HELLO'])
  },
  TEST_TIMEOUT_MS,
)
