import { fileURLToPath } from 'node:url'

export const REGISTER: string = fileURLToPath(new URL('../src/register.ts', import.meta.url))
export const BUILDER: string = fileURLToPath(new URL('../src/builder.ts', import.meta.url))

export interface BunRun {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface BunRunOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
}

/** Runs Bun as a child process and waits for its end. */
export async function runBun(args: readonly string[], options: BunRunOptions): Promise<BunRun> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: '1', RIP_CACHE: 'off', ...options.env },
    stdin: options.stdin === undefined ? 'ignore' : Buffer.from(options.stdin),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, stdout, stderr }
}
