import { expect, test } from 'bun:test'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tempProject } from '../temp-project.ts'

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url))

interface Block {
  readonly language: string
  readonly text: string
}

interface Command {
  readonly line: string
  readonly output: string
}

const blocks = codeBlocks(readFileSync(join(PACKAGE, 'README.md'), 'utf8'))

function codeBlocks(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language = '', text = '']) => ({
    language,
    text,
  }))
}

/** A block is a file when its first line is a comment with a name. */
function namedFile({ text }: Block): [string, string] | undefined {
  const name = /^(?:#|\/\/) ([\w.-]+\.\w+)\n/.exec(text)?.[1]
  return name === undefined ? undefined : [name, text]
}

function commandsOf({ text }: Block): Command[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const newline = part.indexOf('\n')
      return { line: part.slice(0, newline), output: part.slice(newline + 1) }
    })
}

test('the examples of the README do what it shows', async () => {
  const files = blocks.map(namedFile).filter((file) => file !== undefined)
  using project = tempProject(Object.fromEntries(files))
  mkdirSync(project.path('node_modules/@rip'), { recursive: true })
  symlinkSync(PACKAGE, project.path('node_modules/@rip/transpile'))
  const commands = blocks.filter((block) => block.language === 'console').flatMap(commandsOf)
  expect(commands.length).toBeGreaterThan(5)
  for (const command of commands) {
    expect(`$ ${command.line}\n${await run(command.line, project.root)}`).toBe(
      `$ ${command.line}\n${command.output}`,
    )
  }
})

async function run(line: string, cwd: string): Promise<string> {
  const { PATH = '', ...env } = process.env
  const child = Bun.spawn(['sh', '-c', line], {
    cwd,
    env: { ...env, PATH: `${dirname(process.execPath)}:${PATH}`, NO_COLOR: '1', RIP_CACHE: 'off' },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return stdout + stderr
}
