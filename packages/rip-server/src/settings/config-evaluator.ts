/**
 * Evaluates a configuration file and prints it as JSON, with the files it was read from. A program of its own, because
 * the file is user code that must not run in the process that supervises. Arguments: path of the file, JSON of the
 * context, and the mark that tells this program's line from what the file itself may print.
 */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { type ConfigContext, type ConfigExport, defineConfig } from './define-config.ts'

const [path = '', context = '{}', mark = ''] = process.argv.slice(2)
// A rip-server that is installed for the whole machine is not among the packages of the application.
Bun.plugin({
  name: 'rip-server',
  setup: (build) => void build.module('rip-server', () => ({ exports: { defineConfig }, loader: 'object' })),
})
// Only when needed: a compiler takes longer to load than the file.
if (path.endsWith('.rip')) await import(import.meta.resolve('@rip/transpile/register'))
const { cache } = createRequire(import.meta.url)
// The modules of this program, and of a compiler.
const own = new Set(Object.keys(cache))
const module = (await import(pathToFileURL(path).href)) as { default?: ConfigExport }
const exported = module.default
const config =
  typeof exported === 'function' ? await exported(JSON.parse(context) as ConfigContext) : exported
// Bun lists every module here, imported ones as well (Bun 1.4.5).
const files = Object.keys(cache).filter((file) => !own.has(file))
process.stdout.write(`\n${mark}${JSON.stringify({ config: config ?? null, files })}\n`)
process.exit(0)
