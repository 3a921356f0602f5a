import { cpSync, mkdirSync, mkdtempSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface RunResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a command to its end. A failing command does not throw: check `code`. */
export async function run(command: readonly string[], { cwd, env }: RunOptions): Promise<RunResult> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...process.env, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { code: await child.exited, stdout, stderr }
}

/** Like `run`, but throws an error with the output if the command fails. */
export async function mustRun(command: readonly string[], options: RunOptions): Promise<RunResult> {
  const result = await run(command, options)
  if (result.code === 0) return result
  throw new Error(`\`${command.join(' ')}\` ended with ${result.code}\n${result.stdout}\n${result.stderr}`)
}

/** An empty folder that is not below any `node_modules`. */
export function emptyFolder(name: string): string {
  return realpathSync(mkdtempSync(join(tmpdir(), `rip-release-${name}-`)))
}

/** Copies the files that a clone of the working tree would contain, and commits them. */
export async function copyWorkspace(): Promise<string> {
  const copy = emptyFolder('workspace')
  const listed = await mustRun(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
  })
  for (const file of listed.stdout.split('\0')) {
    if (file === '' || !(await Bun.file(join(ROOT, file)).exists())) continue
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    cpSync(join(ROOT, file), join(copy, file), { verbatimSymlinks: true })
  }
  await mustRun(['git', 'init', '--quiet'], { cwd: copy })
  await commit(copy, 'base')
  return copy
}

/** Commits everything in a repository, with a fixed author. */
export async function commit(cwd: string, message: string): Promise<void> {
  await mustRun(['git', 'add', '--all'], { cwd })
  const who = ['-c', 'user.name=release test', '-c', 'user.email=release@example.test']
  await mustRun(['git', ...who, 'commit', '--quiet', '--message', message], { cwd })
}
