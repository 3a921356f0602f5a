import { expect, test } from 'bun:test'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import manifest from '../../packages/rip-server-cli/package.json' with { type: 'json' }
import { startRegistry } from '../src/registry.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PAGES_THAT_TYPE_NAMES = [
  'README.md',
  'packages/rip-server-cli/README.md',
  'packages/create-rip-server/README.md',
  'packages/rip-balancer/README.md',
]

test('pages with a command that asks the registry for our names say whether they are ours', async () => {
  const isPublished = manifest.version !== '0.0.0'
  for (const page of PAGES_THAT_TYPE_NAMES) {
    const text = await readFile(join(ROOT, page), 'utf8')
    expect(text).toMatch(/\bbunx |\bbun create /)
    expect([page, text.includes('not published yet')]).toEqual([page, !isPublished])
  }
})

test('tarballs are installed and run without the registry being asked for a name of ours', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rip-pack-'))
  const isOurs = (name: string): boolean =>
    name === 'rip-server' || name === 'create-rip-server' || name.startsWith('@rip/')
  const upstream = (await run(['npm', 'config', 'get', 'registry'], '/', {})).trim()
  await using registry = startRegistry(isOurs, upstream)
  try {
    await run([process.execPath, 'scripts/src/pack.ts', folder], ROOT, {})
    await run([process.execPath, 'install'], folder, { BUN_CONFIG_REGISTRY: registry.url })
    const program = join(folder, 'node_modules/.bin/rip-server')
    expect(await run([program, '--version'], folder, {})).toBe(`${manifest.version}\n`)
    const templates = (path: string): Promise<string[]> =>
      readdir(join(path, 'templates'), { recursive: true })
    const installed = await templates(join(folder, 'node_modules/rip-server'))
    expect(installed.toSorted()).toEqual((await templates(join(ROOT, 'packages/rip-server-cli'))).toSorted())
  } finally {
    await rm(folder, { recursive: true })
  }
}, 60_000)

async function run(
  command: readonly string[],
  cwd: string,
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  expect([code, stderr]).toEqual([0, expect.any(String)])
  return stdout
}
