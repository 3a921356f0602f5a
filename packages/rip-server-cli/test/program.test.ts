import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import manifest from '../package.json' with { type: 'json' }
import { commands } from '../src/command-line/commands.ts'
import { parseCommandLine } from '../src/command-line/command-line.ts'
import { PROGRAM } from './server.ts'

const BALANCER = new URL('bin/rip-balancer', import.meta.resolve('@rip/balancer/package.json'))

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rip-program-'))
  await mkdir(join(folder, 'bin'))
  // The executable may have another name, as in the npm package of Bun.
  await symlink(process.execPath, join(folder, 'bin/bun'))
})

afterAll(() => rm(folder, { recursive: true }))

interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function run(
  command: readonly string[],
  env: Record<string, string> = {},
  cwd: string = folder,
): Promise<Output> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, HOME: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, stdout, stderr }
}

/** A folder with the usual commands and without Bun. */
async function pathWithoutBun(): Promise<string> {
  const path = await mkdtemp(join(folder, 'path-'))
  for (const name of ['readlink', 'dirname']) await symlink(Bun.which(name)!, join(path, name))
  return path
}

describe('the program', () => {
  test('runs from a symbolic link, as in node_modules/.bin', async () => {
    const bin = join(folder, 'node_modules/.bin')
    await mkdir(bin, { recursive: true })
    await symlink(PROGRAM, join(folder, 'node_modules/rip-server'))
    await symlink('../rip-server', join(bin, 'rip-server'))
    expect(await run([join(bin, 'rip-server'), '--version'])).toEqual({
      code: 0,
      stdout: `${manifest.version}\n`,
      stderr: '',
    })
  })

  test('runs with bun as a script', async () => {
    const { stdout } = await run([process.execPath, PROGRAM, '--version'])
    expect(stdout).toBe(`${manifest.version}\n`)
  })

  test('replaces itself by Bun, so that signals reach it', async () => {
    const probe = join(await mkdtemp(join(folder, 'bun-')), 'bun')
    await writeFile(probe, '#!/bin/sh\necho "$$ $4 $5"\n', { mode: 0o755 })
    const { stdout } = await run(['/bin/sh', '-c', `echo $$; exec ${PROGRAM} "a b"`], {
      PATH: `${join(probe, '..')}:/bin:/usr/bin`,
    })
    const [outer, inner] = stdout.trim().split('\n')
    expect(inner).toBe(`${outer} ${PROGRAM} a b`)
  })

  test.each(['rip-server', 'rip-balancer'])('%s runs nothing of the current folder', async (name) => {
    const cwd = await mkdtemp(join(folder, 'hostile-'))
    await writeFile(join(cwd, 'bunfig.toml'), 'preload = ["./p.ts"]\n')
    await writeFile(join(cwd, 'p.ts'), 'console.log("preloaded")\n')
    await writeFile(join(cwd, '.env'), 'XDG_RUNTIME_DIR=/nowhere\n')
    const program = name === 'rip-server' ? PROGRAM : fileURLToPath(BALANCER)
    const { stdout: version, code } = await run([program, '--version'], {}, cwd)
    expect([version.trim().split(' ').at(-1), code]).toEqual([manifest.version, 0])
    expect(version).not.toContain('preloaded')
    if (name === 'rip-balancer') return
    const { stdout } = await run([program, 'doctor', '--json'], {}, cwd)
    expect(stdout).not.toContain('/nowhere')
  })

  test('without Bun says what to run instead', async () => {
    const output = await run(['/bin/sh', PROGRAM, 'dev', './shop'], { PATH: await pathWithoutBun() })
    expect(output.code).toBe(1)
    expect(output.stderr).toContain(`npx -y bun@1.4.5 ${PROGRAM} dev ./shop`)
  })
})

describe('help', () => {
  test('lists every command', async () => {
    const { code, stdout, stderr } = await run([PROGRAM, '--help'])
    expect([code, stderr]).toEqual([0, ''])
    for (const { name } of commands) expect(stdout).toContain(`\n  ${name} `)
  })

  test('explains each command with its flags and examples', async () => {
    const { code, stdout } = await run([PROGRAM, 'reload', '--help'])
    expect(code).toBe(0)
    for (const text of ['Usage  rip-server reload [app]', '--timeout TIME', '--reason "deploy 42"']) {
      expect(stdout).toContain(text)
    }
    expect(stdout).not.toContain('\x1b')
  })

  test('has examples that parse', () => {
    for (const { name, examples } of commands) {
      for (const example of examples) {
        const words = example
          .split(/ [|>] /)[0]!
          .match(/"[^"]*"|\S+/g)!
          .slice(1)
        expect([
          example,
          parseCommandLine(words.map((word) => word.replaceAll('"', ''))).command.name,
        ]).toEqual([example, name])
      }
    }
  })

  test('is available as data for completion scripts', async () => {
    const { stdout } = await run([PROGRAM, 'help', '--json'])
    const data = JSON.parse(stdout) as { name: string; flags: { flag: string }[] }[]
    expect(data.map(({ name }) => name)).toEqual(commands.map(({ name }) => name))
    expect(data.find(({ name }) => name === 'stop')?.flags.map(({ flag }) => flag)).toContain('now')
  })
})

test('output that a pipe has no room for is not cut off at the end', async () => {
  const slowly = `${PROGRAM} help --json | { sleep 0.3; cat; }`
  const [piped, direct] = await Promise.all([
    run(['/bin/sh', '-c', slowly]),
    run(['/bin/sh', '-c', `${PROGRAM} help --json > all; cat all`]),
  ])
  expect(direct.stdout.length).toBeGreaterThan(65_536)
  expect(piped.stdout.length).toBe(direct.stdout.length)
})

describe('run', () => {
  beforeAll(async () => {
    const text =
      '#!/usr/bin/env -S rip-server run\np process.argv.slice(2).join(" "), import.meta.main\nprocess.exit 7\n'
    await writeFile(join(folder, 'tool.rip'), text, { mode: 0o755 })
    await symlink('tool.rip', join(folder, 'tool'))
    await symlink(PROGRAM, join(folder, 'bin/rip-server'))
  })

  test('runs a program with its arguments, and ends with its exit code', async () => {
    const { code, stdout } = await run([PROGRAM, 'run', 'tool.rip', '--all', '-x'])
    expect([code, stdout]).toEqual([7, '--all -x true\n'])
  })

  test('a program may be a command with a name without an ending', async () => {
    const { code, stdout } = await run([join(folder, 'tool'), 'a'])
    expect([code, stdout]).toEqual([7, 'a true\n'])
  })

  test('runs code that is given', async () => {
    const { code, stdout } = await run([PROGRAM, 'run', '-e', 'p 6 * 7, process.argv.at -1', 'last'])
    expect([code, stdout]).toEqual([0, '42 last\n'])
  })

  test('a failure of code that is given is shown in its source', async () => {
    const { stderr } = await run([PROGRAM, 'run', '-e', 'f = (x) ->\n  y = x.a.b\n  y\nf {}'])
    expect(stderr).toMatch(/^1 \| f = \(x\) ->\n2 \|   y = x\.a\.b\n[^]* at f \(\S*-e:2:9\)$/m)
  })

  test('code that does not compile is reported with its position', async () => {
    const { code, stderr } = await run([PROGRAM, 'run', '-e', 'a = ('])
    expect([code, stderr]).toEqual([4, expect.stringContaining('-e:1:5: this ( is never closed')])
  })

  test.each([
    [[], 'there is no FILE and no -e CODE'],
    [['-e'], '-e needs a value: CODE'],
    [['nowhere.rip'], 'there is no file'],
    [['bin/../bin'], 'has no ending'],
    [['--watch', 'tool.rip'], 'unknown option --watch'],
  ])('%p is refused', async (words, reason) => {
    const { code, stderr } = await run([PROGRAM, 'run', ...words])
    expect([code, stderr]).toEqual([2, expect.stringContaining(reason)])
  })
})
