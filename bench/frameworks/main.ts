/**
 * The matrix of frameworks: 31 kinds of projects, each served by a bare `rip-server` or by its command: a page, a file,
 * sockets, and requests during a restart and a reload.
 *
 *   bun run bench frameworks [PROJECT ...] [--prepare]
 *
 * Projects are installed and built below the temporary folder, one after the other, and kept there; `--prepare` does
 * only that. Needs a package registry at the first run. Prints the table of README.md, and exits with 1 when a row is not
 * fine.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { prepareProject } from './prepared-project.ts'
import { type Row, ROWS } from './rows.ts'
import { type Outcome, tryRow } from './trial.ts'

const { values, positionals } = parseArgs({
  options: { prepare: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const unknown = positionals.filter((name) => !ROWS.some(({ project }) => project === name))
if (unknown.length > 0) throw new Error(`there is no project ${unknown.join(', ')}`)
const rows = ROWS.filter(({ project }) => positionals.length === 0 || positionals.includes(project))
const outcomes: Outcome[] = []
for (const row of rows) {
  const outcome = await outcomeOf(row)
  if (outcome === undefined) continue
  outcomes.push(outcome)
  console.log(line(outcome))
  if (outcome.problem !== undefined) console.error(`  ${outcome.problem}`)
}
if (!values.prepare) conclude()
if (outcomes.some(({ isOk }) => !isOk)) process.exitCode = 1

async function outcomeOf(row: Row): Promise<Outcome | undefined> {
  try {
    const folder = await prepareProject(row)
    return values.prepare ? undefined : await tryRow(row, folder)
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return { row, isOk: false, served: '', page: '', file: '', load: '', sockets: '', problem }
  }
}

function line({ row, isOk, served, page, file, load, sockets }: Outcome): string {
  const number = ROWS.indexOf(row) + 1
  const command = ['rip-server', ...(row.args ?? [])].join(' ')
  return `| ${[number, nameOf(row), `\`${command}\``, served, page, file, load, sockets, isOk ? 'yes' : 'no'].join(' | ')} |`
}

function nameOf({ name, project, needs }: Row): string {
  if (needs === undefined) return name
  const manifest = readFileSync(new URL(`projects/${project}/package.json`, import.meta.url), 'utf8')
  const { dependencies = {}, devDependencies = {} } = JSON.parse(manifest) as {
    readonly [group in 'dependencies' | 'devDependencies']?: Readonly<Record<string, string>>
  }
  return `${name} (${dependencies[needs] ?? devDependencies[needs]})`
}

function conclude(): void {
  const fine = outcomes.filter(({ isOk }) => isOk).length
  console.log(`\n${fine} of ${outcomes.length} fine`)
  const folder = fileURLToPath(new URL('../results/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}frameworks.json`, `${JSON.stringify(outcomes, null, 2)}\n`)
}
