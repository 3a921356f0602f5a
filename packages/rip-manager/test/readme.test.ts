import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'bun:test'
import { temporaryFolder } from './real.ts'

const packageFolder = dirname(dirname(fileURLToPath(import.meta.url)))
const readme = await readFile(join(packageFolder, 'README.md'), 'utf8')
const examples = [...readme.matchAll(/```ts run\n([\s\S]*?)```/g)].map((match) => match[1] ?? '')

/** The lines that an example prints. */
async function run(example: string): Promise<readonly string[]> {
  await using folder = await temporaryFolder()
  const root = folder.at('app')
  await mkdir(folder.at('node_modules', '@rip'), { recursive: true })
  await mkdir(root)
  await symlink(packageFolder, folder.at('node_modules', '@rip', 'manager'))
  await writeFile(folder.at('example.ts'), example)
  const child = Bun.spawn([process.execPath, folder.at('example.ts')], {
    cwd: root,
    env: { ...process.env, XDG_RUNTIME_DIR: folder.path },
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
}

test('the first example of the README does what it says', async () => {
  const lines = await run(examples[0]!)
  expect(lines).toEqual(['first', 'true second', 'false boot-failed second'])
})

test('the second example of the README does what it says', async () => {
  const lines = await run(examples[1]!)
  expect(lines).toEqual([
    'worker 1: crashed',
    'ok 1',
    '2',
    'worker 2: drained',
    'worker 1: drained',
    '{',
    '  abandoned: 0,',
    '}',
  ])
})

test('the third example of the README does what it says', async () => {
  expect(await run(examples[2]!)).toEqual(['2', 'scaled 2'])
})
