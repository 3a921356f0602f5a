/**
 * Packs every package into a folder, to install them on another machine without a registry: `bun run pack FOLDER`. The
 * `package.json` beside the tarballs maps each name to its tarball, so that an installation asks no registry for it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

const [target] = process.argv.slice(2)
if (target === undefined || target.startsWith('-')) {
  console.error('usage: bun run pack FOLDER')
  process.exit(2)
}
const folder = resolve(target)
await mkdir(folder, { recursive: true })

await run([process.execPath, join(import.meta.dir, 'bundle.ts'), '--anew'], process.cwd())
await run([process.execPath, join(import.meta.dir, 'man-page.ts')], process.cwd())
const tarballs: Record<string, string> = {}
for await (const file of new Bun.Glob('packages/*/package.json').scan()) {
  const { name } = JSON.parse(await readFile(file, 'utf8')) as { name: string }
  // With a hyphen, @rip/server and rip-server would have the same file name.
  const tarball = `${name.replace('@', '').replace('/', '.')}.tgz`
  await pack(join(file, '..'), join(folder, tarball))
  tarballs[name] = `file:./${tarball}`
}
const manifest = { private: true, dependencies: tarballs, overrides: tarballs }
await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)

async function pack(from: string, to: string): Promise<void> {
  const command = [process.execPath, 'pm', 'pack', '--quiet', '--ignore-scripts', '--filename', to]
  await run(command, from)
}

async function run(command: readonly string[], cwd: string): Promise<void> {
  const child = Bun.spawn([...command], { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  if ((await child.exited) !== 0) throw new Error(`\`${command.join(' ')}\` failed in ${cwd}`)
}
