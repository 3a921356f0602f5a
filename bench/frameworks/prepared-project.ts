import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Row } from './rows.ts'

/** What the creators of these projects have git ignore. */
const IGNORED =
  'node_modules\ndist\nbuild\nserver/*.js\n!server/run.js\n.output\n.nitro\n.next\n.nuxt\n.svelte-kit\n.astro\n'
const PROJECTS = fileURLToPath(new URL('projects/', import.meta.url))
const STEP_TIMEOUT_MS = 5 * 60_000
const QUIET = { NEXT_TELEMETRY_DISABLED: '1', ASTRO_TELEMETRY_DISABLED: '1', NUXT_TELEMETRY_DISABLED: '1' }

/** The projects with their packages and builds, kept between runs. */
export const CACHE: string = join(tmpdir(), 'rip-frameworks')

/** Installs and builds a project in the cache, unless it is there as it is here; returns its folder. */
export async function prepareProject(row: Row): Promise<string> {
  const source = join(PROJECTS, row.project)
  const folder = join(CACHE, row.project)
  const done = join(folder, '.prepared')
  const wanted = await digestOf(source)
  if (existsSync(done) && readFileSync(done, 'utf8') === wanted) return folder
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(dirname(folder), { recursive: true })
  cpSync(source, folder, { recursive: true })
  writeFileSync(join(folder, '.gitignore'), IGNORED)
  await step(folder, ['install'])
  // Some of them want a newer Node.js than there may be.
  if (row.isBuilt) await step(folder, ['--bun', 'run', 'build'])
  writeFileSync(done, wanted)
  return folder
}

/** Makes new content of a file that the application consists of. */
export function edit(folder: string, { edited }: Row): void {
  const comment = edited.endsWith('.html') ? `<!-- ${Date.now()} -->` : `// ${Date.now()}`
  appendFileSync(join(folder, edited), `\n${comment}\n`)
}

async function step(folder: string, args: readonly string[]): Promise<void> {
  const child = Bun.spawn(['nice', '-n', '15', process.execPath, ...args], {
    cwd: folder,
    env: { ...process.env, ...QUIET },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: STEP_TIMEOUT_MS,
  })
  const [out, error, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code !== 0)
    throw new Error(`bun ${args.join(' ')} in ${folder} ended with ${code}:\n${(out + error).slice(-2_000)}`)
}

async function digestOf(folder: string): Promise<string> {
  const hash = new Bun.CryptoHasher('sha256')
  const files = [...new Bun.Glob('**/*').scanSync({ cwd: folder, dot: true })].toSorted()
  for (const file of files) hash.update(file).update(await Bun.file(join(folder, file)).bytes())
  return hash.digest('hex')
}
