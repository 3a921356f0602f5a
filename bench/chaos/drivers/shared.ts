import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Connection, until } from '@rip/testing'

const APPS = fileURLToPath(new URL('../apps/', import.meta.url))

/** Copies one of the applications in the folder beside this one. */
export function copyApp(files: readonly string[], folder: string): void {
  for (const file of files) cpSync(join(APPS, file), join(folder, file))
}

/** Writes a release: the version that the application answers with, or text that no parser accepts. */
export function writeRelease(
  file: string,
  statement: (version: string) => string,
  release: { readonly version: string } | 'broken',
): void {
  writeFileSync(file, release === 'broken' ? 'this is ( not a program\n' : `${statement(release.version)}\n`)
}

/** Resolves when the application on the port answers. @throws when it does not */
export async function untilAnswering(port: number): Promise<void> {
  await until(`something answers on port ${port}`, () => versionServed(port))
}

/** The version the application answers with on a fresh connection, or `undefined` when it does not answer. */
export async function versionServed(port: number): Promise<string | undefined> {
  const connection = new Connection()
  try {
    await connection.connect('127.0.0.1', port)
    const answer = await connection.request({ method: 'GET', path: '/', keepAlive: false }, '127.0.0.1', 5000)
    return (JSON.parse(answer.body.toString()) as { version: string }).version
  } catch {
    // Refused, cut, or another program: the application does not answer.
    return undefined
  }
}

/** Ends a process with SIGTERM, after five seconds with SIGKILL, and waits for it. */
export async function stop(
  child: Bun.Subprocess | undefined,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  const forced = setTimeout(() => child.kill('SIGKILL'), 5000)
  await child.exited
  clearTimeout(forced)
}
