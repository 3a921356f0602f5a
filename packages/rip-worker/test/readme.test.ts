import { expect, test } from 'bun:test'
import { readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { until } from '@rip/testing'
import { Folder } from './helpers.ts'

const README = readFileSync(join(import.meta.dir, '..', 'README.md'), 'utf8')

/** The code block behind a marker such as `<!-- run -->`. */
function block(marker: string): string {
  const code = README.split(`<!-- ${marker} -->`)[1]?.split(/```\w*\n/)[1]
  if (code === undefined) throw new Error(`README.md has no block marked ${marker}`)
  return code
}

/** A project that has this package installed. */
function project(files: Readonly<Record<string, string>>): Folder {
  const folder = new Folder({ 'node_modules/@rip/.keep': '', ...files })
  symlinkSync(dirname(import.meta.dir), folder.file('node_modules/@rip/worker'))
  return folder
}

/** Keeps nothing between runs. */
const env = { ...process.env, RIP_CACHE: 'off' }

test('the application of the README is served by the command of the README', async () => {
  using folder = project({ 'app.ts': block('file: app.ts') })
  const [, ...args] = block('run').trim().split(' ')
  const worker = Bun.spawn([process.execPath, ...args], { cwd: folder.path, env, stdout: 'pipe' })
  try {
    let printed = ''
    const output = worker.stdout.getReader()
    while (!printed.includes('\n')) printed += new TextDecoder().decode((await output.read()).value)
    const address = /^listening (\S+)\n/.exec(printed)?.[1]
    expect(await (await fetch(`${address}/you`)).text()).toBe('hello /you\n')
  } finally {
    worker.kill()
    expect(await worker.exited).toBe(0)
  }
})

test('the program of the README prints what it says', async () => {
  using folder = project({ 'program.ts': block('execute') })
  const run = Bun.spawn([process.execPath, 'program.ts'], {
    cwd: folder.path,
    env,
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const output = await new Response(run.stdout).text()
  await until('it ends', () => run.exitCode !== null)
  expect(await new Response(run.stderr).text()).toBe('')
  expect(output).toContain('path: "/hi"')
  expect(output).toContain('ready 1\n')
  expect(output.replace(/\s+/g, ' ')).toContain('{ abandoned: 0, }')
})
