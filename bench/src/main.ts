/**
 * The measurements behind our claims. Each is a program with a head comment that describes it; this program finds and
 * runs them.
 *
 *   bun run bench                 lists them
 *   bun run bench proxy [options] runs one
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)

/** First paragraph of a program's head comment. */
function summary(program: URL): string {
  const text = readFileSync(program, 'utf8')
  const comment = /\/\*\*[\s*]*([\s\S]*?)(?:\n \*\n|\*\/)/.exec(text)?.[1] ?? ''
  return comment.replace(/\s*\n \*\s?/g, ' ').trim()
}

const programOf = (name: string): URL => new URL(`${name}/main.ts`, root)
const [wanted, ...args] = process.argv.slice(2)

if (wanted === undefined) {
  const names = readdirSync(fileURLToPath(root)).filter(
    (name) => name !== 'src' && existsSync(programOf(name)),
  )
  for (const name of names) console.log(`bun run bench ${name}\n  ${summary(programOf(name))}\n`)
} else if (!existsSync(programOf(wanted))) {
  console.error(`there is no measurement called \`${wanted}\`; \`bun run bench\` lists them`)
  process.exitCode = 2
} else {
  const child = Bun.spawn([process.execPath, fileURLToPath(programOf(wanted)), ...args], {
    stdio: ['inherit', 'inherit', 'inherit'],
  })
  process.exitCode = await child.exited
}
