import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Cast, CastOutput } from './cast.ts'

const COLUMNS = 100
const ROWS = 30
/** Of the lower pane. */
const LOWER_ROWS = 8
/** Between two keys of somebody who types. */
const KEY_MS = 45
/** Before and after a line is typed. */
const THOUGHT_MS = 700
const PATIENCE_MS = 30_000
const POLL_MS = 100

const repository = resolve(import.meta.dir, '../../..')

const PROMPT = String.raw`PS1='\[\e[32m\]$\[\e[0m\] '
`
const TMUX_CONFIG = `
set -g status off
set -s escape-time 0
set -g pane-border-style fg=colour240
set -g pane-active-border-style fg=colour240
set -g default-command 'exec bash --rcfile ../bashrc'
`

export type Pane = 'upper' | 'lower'

/** Two shells, one above the other, in a folder of their own. */
export interface Stage {
  /** Types a line like a person, and Enter. */
  readonly type: (pane: Pane, line: string) => Promise<void>
  /** Waits until a pane shows a text; from then on, the viewer has time to read it. */
  readonly shows: (pane: Pane, text: string | RegExp, readMs?: number) => Promise<void>
}

/** Records what a play does on a stage. */
export async function record(play: (stage: Stage) => Promise<void>): Promise<Cast> {
  const folder = await mkdtemp('/tmp/rip-recording-')
  const outputs: CastOutput[] = []
  const socket = join(folder, 'tmux')
  await setUp(folder)
  const startedAt = performance.now()
  const decoder = new TextDecoder()
  await using terminal = new Bun.Terminal({
    cols: COLUMNS,
    rows: ROWS,
    data: (_, bytes) => {
      outputs.push({ atMs: performance.now() - startedAt, text: decoder.decode(bytes, { stream: true }) })
    },
  })
  const tmux = (...args: string[]): string => {
    const { stdout, stderr, exitCode } = Bun.spawnSync(['tmux', '-S', socket, ...args], {
      env: environment(folder),
    })
    if (exitCode !== 0) throw new Error(`tmux ${args[0]}: ${stderr.toString()}`)
    return stdout.toString()
  }
  const client = Bun.spawn(['tmux', '-S', socket, '-f', join(folder, 'tmux.conf'), 'new-session'], {
    cwd: join(folder, 'shop'),
    env: environment(folder),
    terminal,
  })
  try {
    await until(
      () => 'tmux runs',
      () => Bun.spawnSync(['tmux', '-S', socket, 'has-session']).exitCode === 0,
    )
    tmux('split-window', '-v', '-l', String(LOWER_ROWS), '-c', join(folder, 'shop'))
    const target = (pane: Pane): string => (pane === 'upper' ? ':0.0' : ':0.1')
    await play({
      async type(pane, line) {
        tmux('select-pane', '-t', target(pane))
        await Bun.sleep(THOUGHT_MS)
        for (const key of line) {
          tmux('send-keys', '-t', target(pane), '-l', key === ';' ? '\\;' : key)
          await Bun.sleep(KEY_MS)
        }
        await Bun.sleep(THOUGHT_MS / 2)
        tmux('send-keys', '-t', target(pane), 'Enter')
      },
      async shows(pane, text, readMs = THOUGHT_MS) {
        let shown = ''
        await until(
          () => `the ${pane} pane shows ${text}, and not\n${shown}`,
          () => {
            shown = tmux('capture-pane', '-p', '-t', target(pane))
            return typeof text === 'string' ? shown.includes(text) : text.test(shown)
          },
        )
        await Bun.sleep(readMs)
      },
    })
    return { columns: COLUMNS, rows: ROWS, outputs: outputs.slice() }
  } finally {
    tmux('kill-server')
    await client.exited
    await rm(folder, { recursive: true })
  }
}

/** Nothing of the environment of this process is seen on the stage. */
function environment(folder: string): Record<string, string> {
  return {
    PATH: `${join(folder, 'bin')}:/usr/local/bin:/usr/bin:/bin`,
    HOME: folder,
    XDG_RUNTIME_DIR: join(folder, 'run'),
    TERM: 'xterm-256color',
    LANG: 'C.UTF-8',
  }
}

async function setUp(folder: string): Promise<void> {
  await writeFile(join(folder, 'tmux.conf'), TMUX_CONFIG)
  await writeFile(join(folder, 'bashrc'), PROMPT)
  const programs = {
    bun: `exec ${process.execPath}`,
    'rip-server': `exec ${join(repository, 'packages/rip-server-cli/bin/rip-server')}`,
    load: `exec bun ${join(import.meta.dir, 'load.ts')}`,
  }
  for (const [name, command] of Object.entries(programs)) {
    const path = join(folder, 'bin', name)
    await Bun.write(path, `#!/bin/sh\n${command} "$@"\n`)
    await chmod(path, 0o755)
  }
  await Bun.write(join(folder, 'shop/app.rip'), APP)
  // Else a container, where it may be recorded, gets a note of its own.
  await Bun.write(join(folder, 'shop/rip-server.config.ts'), "export default { bind: '127.0.0.1' }\n")
  await Bun.write(join(folder, 'shop/greeting.rip'), GREETING)
}

const APP = `import greet from './greeting.rip'

export default (request) ->
  path = new URL(request.url).pathname
  new Response greet path.slice(1) or 'world'
`
const GREETING = String.raw`export default (name) -> "hello, #{name}\n"
`

async function until(what: () => string, holds: () => boolean): Promise<void> {
  const startedAt = performance.now()
  while (!holds()) {
    if (performance.now() - startedAt > PATIENCE_MS) throw new Error(`waited in vain until ${what()}`)
    await Bun.sleep(POLL_MS)
  }
}
