/**
 * Publishes what the registry does not have yet: plan → pack → check → publish.
 *
 * Changesets knows the order, Bun packs (it resolves `workspace:` and `catalog:`), npm uploads. The plan and
 * the tarballs meet in `.release/`, and the checks run on the very bytes that are uploaded.
 *
 *   bun scripts/src/release.ts --dry-run   stop after the checks
 *   bun scripts/src/release.ts             publish, and tag `name@version`
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const RELEASE_DIR = '.release'
const PLAN_FILE = join(RELEASE_DIR, 'publish-plan.json')

interface PlannedRelease {
  readonly kind: string
  readonly name: string
  readonly version: string
  tarball?: { path: string; integrity: string }
}

interface PublishPlan {
  readonly version: number
  /** Groups in dependency order; the members of a group do not depend on each other. */
  readonly plan: readonly (readonly PlannedRelease[])[]
}

/** Runs a command in a folder with its output passed through; throws when it fails. */
async function run(command: readonly string[], cwd: string = process.cwd()): Promise<void> {
  const child = Bun.spawn([...command], { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
  const code = await child.exited
  if (code !== 0) throw new Error(`\`${command.join(' ')}\` ended with ${code}`)
}

/** Folder of every workspace package by its published name. */
async function packageFolders(): Promise<Map<string, string>> {
  const folders = new Map<string, string>()
  for await (const file of new Bun.Glob('packages/*/package.json').scan()) {
    const manifest = JSON.parse(await readFile(file, 'utf8')) as { name: string }
    folders.set(manifest.name, join(file, '..'))
  }
  return folders
}

async function makePlan(): Promise<PublishPlan> {
  await rm(RELEASE_DIR, { recursive: true, force: true })
  await mkdir(join(RELEASE_DIR, 'packages'), { recursive: true })
  await run(['bun', '--bun', 'changeset', 'publish-plan', '--output', PLAN_FILE])
  return JSON.parse(await readFile(PLAN_FILE, 'utf8')) as PublishPlan
}

async function pack(release: PlannedRelease, folder: string): Promise<void> {
  // With a hyphen, @rip/server and rip-server would have the same file name.
  const path = `packages/${release.name.replace('/', '.').replace('@', '')}-${release.version}.tgz`
  const file = join(process.cwd(), RELEASE_DIR, path)
  await run(['bun', 'pm', 'pack', '--quiet', '--ignore-scripts', '--filename', file], folder)
  const digest = createHash('sha256')
    .update(await readFile(file))
    .digest('base64')
  release.tarball = { path, integrity: `sha256-${digest}` }
}

/** Refuses a tarball that would not install or type-check elsewhere. */
async function check(release: PlannedRelease): Promise<void> {
  if (release.tarball === undefined) throw new Error(`${release.name} was not packed`)
  const file = join(RELEASE_DIR, release.tarball.path)
  const manifest = await new Response(Bun.spawn(['tar', '-xOzf', file, 'package/package.json']).stdout).text()
  const leftover = /"(workspace|catalog):[^"]*"/.exec(manifest)
  if (leftover !== null) throw new Error(`${release.name}: ${leftover[0]} was not resolved by the packer`)
  await run(['bun', '--bun', 'publint', file, '--strict'])
  await run(['bun', '--bun', 'attw', file, '--profile', 'esm-only', '--no-emoji'])
}

async function release(dryRun: boolean): Promise<void> {
  const plan = await makePlan()
  const folders = await packageFolders()
  const releases = plan.plan.flat().filter(({ kind }) => kind === 'publish')
  if (releases.length === 0) return console.log('nothing to release')

  await run(['bun', 'x', 'turbo', 'run', 'build'])
  await run(['bun', join(import.meta.dir, 'bundle.ts'), '--anew'])
  await run(['bun', join(import.meta.dir, 'man-page.ts')])
  for (const each of releases) {
    const folder = folders.get(each.name)
    if (folder === undefined) throw new Error(`no folder under packages/ publishes ${each.name}`)
    await pack(each, folder)
  }
  await writeFile(PLAN_FILE, JSON.stringify(plan, null, 2))
  for (const each of releases) await check(each)
  if (dryRun)
    return console.log(`ready in ${RELEASE_DIR}: ${releases.map((r) => `${r.name}@${r.version}`).join(', ')}`)
  await run(['bun', '--bun', 'changeset', 'publish', '--from-pack-dir', RELEASE_DIR])
}

await release(process.argv.includes('--dry-run'))
