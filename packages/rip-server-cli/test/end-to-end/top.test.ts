import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PROGRAM, Sandbox, type Server, until } from '../server.ts'

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

async function served(sandbox: Sandbox): Promise<{ url: string; app: string; server: Server }> {
  const app = join(sandbox.folder, 'app')
  await mkdir(app)
  await writeFile(join(app, 'index.js'), APP)
  const server = await sandbox.start(app, 'w:2', '0', '-b', '127.0.0.1')
  return { url: server.url, app, server }
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
    this.forget()
    this.terminal.write(text)
  }

  forget(): void {
    this.shown = ''
  }

  async shows(text: string | RegExp): Promise<void> {
    const isThere = (): boolean =>
      typeof text === 'string' ? this.text.includes(text) || this.shown.includes(text) : text.test(this.text)
    await until(`it shows ${text}`, isThere)
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

test.concurrent(
  'top in a terminal shows the traffic, follows keys and sizes, and gives the terminal back however it ends',
  async () => {
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
      const { stdout } = await sandbox.run('status', '--json')
      return (JSON.parse(stdout) as Status).workers.find(({ inFlight }) => inFlight > 0)?.slot
    })
    window.type(`${'j'.repeat(worker)}\r`)
    await window.shows(/GET \/hang +waits for its answer/)
    window.type('\u001b')
    await window.shows('enter look into')
    window.type('\t\t\r')
    await window.shows(/error: no money/)
    window.terminal.resize(60, 20)
    window.type('\u001b')
    await window.shows(/^q quit {2}\? help {2}space pause {2}\/ filter {2}s sort {2}w window$/m)
    expect(window.text).not.toContain('secret')
    window.type('q')
    expect(await window.child.exited).toBe(0)
    await window.shows(GIVEN_BACK)
    expect(window.terminal.localFlags).toBe(modes)
    abort.abort()
    await hanging

    await using other = new Window(sandbox, app, 'env', 'LC_ALL=C', PROGRAM, 'top')
    await other.shows('w2.1')
    expect(other.shown).not.toMatch(/\P{ASCII}/u)
    other.type('\u0003')
    expect(await other.child.exited).toBe(130)
    await other.shows(GIVEN_BACK)
    expect(other.terminal.localFlags).toBe(modes)
  },
)

test.concurrent(
  'top stops for the shell and comes back, and waits for a server that goes away and comes back',
  async () => {
    await using sandbox = await Sandbox.create()
    const { app, server } = await served(sandbox)
    await using window = new Window(sandbox, app, 'bash', '--norc', '-i')
    window.type(`${PROGRAM} top --interval 200ms\n`)
    await window.shows('w2.1')
    window.type('\u001a')
    await window.shows(/Stopped/)
    const [, behind] = window.shown.split(GIVEN_BACK)
    expect(behind).toContain('Stopped')
    window.type('fg\n')
    await window.shows('w2.1')
    expect(window.shown).toContain(TAKEN)

    const lines = sandbox.launch('top', app, '--json', '--interval', '200ms')
    const second = await until('the stream has figures between two looks', () =>
      objectsIn(lines.stdout).find(({ figures }) => (figures as { of?: string } | null)?.of === 'span'),
    )
    expect(second).toMatchObject({
      answers: true,
      readyWorkers: 2,
      queued: 0,
      workers: [{ worker: 'w1.1' }, {}],
    })
    window.forget()
    server.kill('SIGTERM')
    await window.shows(/no answer for .*: it does not run; trying again/)
    await until('the stream says so', () => objectsIn(lines.stdout).at(-1)?.['answers'] === false)
    await sandbox.start(app, 'w:3', '0', '-b', '127.0.0.1')
    await window.shows('w3.1')
    await until('the stream goes on', () => objectsIn(lines.stdout).at(-1)?.['readyWorkers'] === 3)
    window.type('q')
    await window.shows(GIVEN_BACK)
    window.type('exit\n')
    expect(await window.child.exited).toBe(0)
  },
)

test.concurrent('top refuses an interval it cannot keep', async () => {
  await using sandbox = await Sandbox.create()
  expect(await sandbox.run('top', '--interval', '10ms')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--interval: expected a duration from 100ms to 1h, got "10ms"'),
  })
})

/** The lines of a stream that are whole. */
function objectsIn(text: string): Record<string, unknown>[] {
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
  return lines.filter((each) => each !== '').map((each) => JSON.parse(each) as Record<string, unknown>)
}

interface Status {
  readonly workers: readonly { readonly slot: number; readonly inFlight: number }[]
}
