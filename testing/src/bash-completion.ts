import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './condition.ts'

/** Keys of readline: M-* puts everything that completes the last word into the line. */
const INSERT_COMPLETIONS = '\x1b*'
const SHOW_LINE = '\x18p'

export interface BashCompletionOptions {
  /** What `rip-… completion bash` prints. */
  readonly script: string
  /** Where the lines are typed. */
  readonly folder: string
  /** Folder of programs that are found first. */
  readonly programs: string
}

/**
 * Types lines into an interactive bash, each without an end, and asks for everything that completes the last word.
 *
 * @returns the lines as they are then, in which bash has quoted what it has to
 */
export async function bashCompletions(
  lines: readonly string[],
  options: BashCompletionOptions,
): Promise<string[]> {
  const own = mkdtempSync(join(tmpdir(), 'rip-bash-'))
  const rc = join(own, 'bashrc')
  const show = `show() { printf '<%s>\\n' "$READLINE_LINE"; READLINE_LINE=; READLINE_POINT=0; }`
  writeFileSync(
    rc,
    `PS1='$ '; PATH=${options.programs}:$PATH; set -u\n${options.script}\n${show}\nbind -x '"${SHOW_LINE.replace('\x18', '\\C-x')}": show'\necho ready\n`,
  )
  let screen = ''
  const decoder = new TextDecoder()
  await using terminal = new Bun.Terminal({
    // Long lines are not folded.
    cols: 10_000,
    data: (_, bytes) => void (screen += decoder.decode(bytes, { stream: true })),
  })
  const bash = Bun.spawn(['setsid', '--ctty', '--wait', 'bash', '--noprofile', '--rcfile', rc, '-i'], {
    cwd: options.folder,
    env: { ...process.env, TERM: 'dumb', LC_ALL: 'C', HISTFILE: '', INPUTRC: '/dev/null' },
    terminal,
  })
  try {
    await until('bash is ready', () => screen.includes('ready'))
    const shown = (): string[] => [...screen.matchAll(/^.*?<(.*)>\r?$/gm)].map(([, line = '']) => line)
    for (const [at, line] of lines.entries()) {
      terminal.write(line + INSERT_COMPLETIONS + SHOW_LINE)
      await until(`bash completes ${line}`, () => shown().length > at)
    }
    return shown()
  } finally {
    bash.kill('SIGKILL')
    await bash.exited
    rmSync(own, { recursive: true })
  }
}
