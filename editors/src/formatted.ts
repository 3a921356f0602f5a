import { fileURLToPath } from 'node:url'

/** A generated text in the form that `bun fmt` gives it, because the formatter has no exceptions. */
export function formatted(path: string, text: string): string {
  if (path.endsWith('.vim')) return text
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const command = [process.execPath, 'fmt', `--stdin-filepath=editors/${path}`]
  const { stdout, success, stderr } = Bun.spawnSync(command, { cwd, stdin: Buffer.from(text) })
  if (!success) throw new Error(`${path} cannot be formatted: ${stderr.toString()}`)
  return stdout.toString()
}
