import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PROGRAM, Sandbox, until } from '../server.ts'

setDefaultTimeout(60_000)

/** What a terminal is given back with: line wrap, cursor and the screen from before (DEC private modes 7, 25, 1049). */
const GIVEN_BACK = '\u001b[?7h\u001b[?25h\u001b[?1049l'
const TAKEN = '\u001b[?1049h'

const APP = `export default async (request) => {
  const { pathname } = new URL(request.url)
  if (pathname === '/boom') throw new Error('no money')
  if (pathname === '/hang') await new Promise((resolve) => setTimeout(resolve, 60_000))
  return new Response('done')
}
`

async function served(sandbox: Sandbox): Promise<{ url: string; app: string }> {
  const app = join(sandbox.folder, 'app')
  await mkdir(app)
  await writeFile(join(app, 'index.js'), APP)
  const { url } = await sandbox.start(app, 'w:2', '0', '-b', '127.0.0.1')
  return { url, app }
}

/** A program in a terminal of its own. */
class Window implements AsyncDisposable {
  /** All that was written since `forget`. */
  shown = ''
  readonly terminal: Bun.Terminal
  readonly child: Bun.Subprocess

  constructor(sandbox: Sandbox, cwd: string, ...command: readonly string[]) {
    const decoder = new TextDecoder()
    this.terminal = new Bun.Terminal({
      cols: 100,
      rows: 30,
      data: (_, bytes) => void (this.shown += decoder.decode(bytes, { stream: true })),
    })
    this.child = Bun.spawn(['setsid', '--ctty', '--wait', ...command], {
      cwd,
      env: { ...sandbox.env(), TERM: 'xterm-256color' },
      terminal: this.terminal,
    })
  }

  /** Presses keys, or types a command. */
  type(text: string): void {
    this.shown = ''
    this.terminal.write(text)
  }

  async shows(text: string | RegExp): Promise<void> {
    await until(`it shows ${text}`, () => this.text.search(text) >= 0)
  }

  /** The rows that were written, without styles. */
  get text(): string {
    return Bun.stripANSI(this.shown.replaceAll(';1H', ';1H\n'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.terminal.close()
    this.child.kill('SIGKILL')
    await this.child.exited
  }
}

test('top in a terminal shows the traffic, follows keys and sizes, and gives the terminal back however it ends', async () => {
  await using sandbox = await Sandbox.create()
  const { url, app } = await served(sandbox)
  await fetch(`${url}/boom`)
  const abort = new AbortController()
  const hanging = fetch(`${url}/hang?token=secret`, { signal: abort.signal }).catch(() => undefined)

  await using window = new Window(sandbox, app, PROGRAM, 'top', '--interval', '200ms')
  const modes = window.terminal.localFlags
  await window.shows('GET /boom')
  await window.shows(/w2\.1 +ready/)
  expect(window.shown).toStartWith(TAKEN)
  expect(window.terminal.localFlags).not.toBe(modes)
  const worker = await until('a request hangs', async () => {
    const { workers } = await sandbox
      .run('status', '--json')
      .then(({ stdout }) => JSON.parse(stdout) as Status)
    return workers.find(({ inFlight }) => inFlight > 0)?.slot
  })
  window.type('j'.repeat(worker))
  window.type('\r')
  await window.shows(/GET \/hang +waits for its answer/)
  window.terminal.resize(60, 20)
  window.type('\u001b')
  await window.shows(/^q quit {2}\? help {2}space pause {2}\/ filter {2}s sort {2}w window$/m)
  expect(window.text).not.toContain('secret')
  window.type('q')
  expect(await window.child.exited).toBe(0)
  expect(window.shown).toEndWith(GIVEN_BACK)
  expect(window.terminal.localFlags).toBe(modes)
  abort.abort()
  await hanging

  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    await using other = new Window(sandbox, app, PROGRAM, 'top')
    await other.shows('w2.1')
    process.kill(await pidOf(sandbox, 'top'), signal)
    expect(await other.child.exited).toBe(code)
    expect(other.shown).toEndWith(GIVEN_BACK)
    expect(other.terminal.localFlags).toBe(modes)
  }
})

interface Status {
  readonly workers: readonly { readonly slot: number; readonly inFlight: number }[]
}

/** The process of a command, which is not the one that was started in the terminal. */
async function pidOf(sandbox: Sandbox, command: string): Promise<number> {
  return until(`there is ${command}`, async () => {
    for (const pid of await sandbox.processes()) {
      const words = await Bun.file(`/proc/${pid}/cmdline`)
        .text()
        .catch(() => '')
      if (/^[^\0]*bun/.test(words) && words.includes(`\0${command}\0`)) return pid
    }
    return undefined
  })
}
