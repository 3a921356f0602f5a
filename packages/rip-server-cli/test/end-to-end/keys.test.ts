import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { timeUntil } from '@rip/testing'
import { PROGRAM, Sandbox, until } from '../server.ts'
import { Shell } from '../shell.ts'

setDefaultTimeout(60_000)

/** How long a key may take before it is pressed again: typed at once with something else, it is taken for pasted text. */
const AGAIN_MS = 5_000

class Developer extends Shell {
  /** Presses a key until the terminal shows what comes of it. */
  async key(key: string, shows: string): Promise<string> {
    const from = this.screen.length
    await until(`${key} makes it show ${shows}`, async () => {
      this.type(key)
      return (await timeUntil(() => this.screen.includes(shows, from), AGAIN_MS)) < Infinity
    })
    return this.screen.slice(from)
  }
}

async function appIn(sandbox: Sandbox): Promise<void> {
  await mkdir(join(sandbox.folder, 'app'))
  await writeFile(join(sandbox.folder, 'app/index.js'), `export default () => new Response('served')`)
}

const KEYBOARD = join(import.meta.dir, '../../src/terminal/keyboard.ts')
const DEV = `${PROGRAM} dev app 0 w:1`
/** Of stty(1), on a line of its own; the command itself does not look like it. */
const MODES = /^([0-9a-f]+:){10,}[0-9a-f]+\r?$/m

async function modes(shell: Shell): Promise<string> {
  return MODES.exec(await shell.run('stty -g', MODES))![0]
}

const servedPid = async (shell: Shell): Promise<number | undefined> =>
  (await shell.snapshot())?.workers[0]?.pid

describe('keys in the terminal of dev', () => {
  test('do what they are said to do, and the terminal is left as it was, also while it is suspended', async () => {
    await using sandbox = await Sandbox.create()
    await appIn(sandbox)
    // Takes the address instead of a browser.
    await writeFile(join(sandbox.folder, 'browser'), '#!/bin/sh\nprintf %s "$1" > opened\n', { mode: 0o755 })
    sandbox.variables = { BROWSER: join(sandbox.folder, 'browser') }
    await using shell = new Developer(sandbox)
    const before = await modes(shell)
    await shell.run(DEV, 'r reload')
    const { url } = shell

    expect(await shell.key('h', 'Ctrl-Z')).toContain('finish the requests under way')
    expect(await shell.key('s', 'lag')).toContain('health')
    await shell.key('o', `opened ${url}`)
    expect(await readFile(join(sandbox.folder, 'opened'), 'utf8')).toBe(url)
    await shell.key('l', 'each request is printed')
    await fetch(`${url}/asked`)
    await until('the request is printed', () => shell.screen.includes('/asked'))
    await shell.key('l', 'not printed any more')
    const pid = await servedPid(shell)
    await shell.key('r', 'fresh ones')
    await until('another worker serves', async () => (await servedPid(shell)) !== pid)
    await shell.key('c', '\u001b[3J')

    await shell.press('\x1a', 'Stopped')
    expect(await modes(shell)).toBe(before)
    expect(await (await fetch(url)).text()).toBe('served')
    await shell.run('bg', 'dev app')
    // What is typed now is for the shell, with the server at work in the background.
    await shell.run('echo q$((40 + 2))', 'q42')
    expect(await modes(shell)).toBe(before)
    shell.type('fg\n')
    await shell.key('h', 'Ctrl-Z')
    await shell.key('q', 'stopping')
    await until('it has stopped', () => shell.pid === undefined)
    expect(await shell.run('echo ended with $?', /ended with \d/)).toContain('ended with 0')
    expect(await modes(shell)).toBe(before)
  })

  test('are not read by a job in the background, which is not stopped, and are read when it comes to the foreground', async () => {
    await using sandbox = await Sandbox.create()
    await appIn(sandbox)
    await using shell = new Developer(sandbox)
    const before = await modes(shell)
    await shell.run(`${DEV} &`, 'rip-server status')
    expect(await shell.run('echo q$((40 + 2))', 'q42')).not.toContain('stopping')
    expect(await shell.run('jobs', 'dev app')).toContain('Running')
    expect(await modes(shell)).toBe(before)
    shell.type('fg\n')
    await shell.key('h', 'Ctrl-Z')
    process.kill(shell.pid!, 'SIGSTOP')
    await until('the shell has noticed', () => shell.screen.includes('Stopped'))
    expect(await modes(shell)).toBe(before)
    shell.type('fg\n')
    await shell.key('h', 'Ctrl-Z')
    process.kill(shell.pid!, 'SIGTERM')
    await until('it has stopped', () => shell.pid === undefined)
    expect(await modes(shell)).toBe(before)
  })

  test('are those of a shell that repairs nothing again, after Ctrl-C and after a start that fails', async () => {
    await using sandbox = await Sandbox.create()
    await appIn(sandbox)
    await writeFile(join(sandbox.folder, 'app/index.js'), 'unfinished (')
    await using shell = new Developer(sandbox, 'sh', '-c', `trap : INT; stty -g; ${DEV}; stty -g; cat`)
    await until('it says why it does not serve', () => shell.screen.includes('waiting for a file'))
    const before = MODES.exec(shell.screen)![0]
    await shell.key('h', 'Ctrl-Z')
    await writeFile(join(sandbox.folder, 'app/index.js'), `export default () => new Response('served')`)
    await until('it serves', () => shell.screen.includes('r reload'))
    const shown = await shell.press('\x03', MODES)
    expect(MODES.exec(shown)![0]).toBe(before)
  })

  test.each(['throw new Error(key)', 'process.exit(3)'])(
    'leave the terminal as it was when the process ends by %s',
    async (end) => {
      await using sandbox = await Sandbox.create()
      const program = `
        import { Keyboard } from ${JSON.stringify(KEYBOARD)}
        Keyboard.open((key) => { ${end} })
        setInterval(() => {}, 1_000)
        console.log('reads', 'keys')`
      await writeFile(join(sandbox.folder, 'program.ts'), program)
      await using shell = new Developer(sandbox, 'sh', '-c', `stty -g; bun program.ts; stty -g; cat`)
      await until('it reads keys', () => shell.screen.includes('reads keys'))
      const before = MODES.exec(shell.screen)![0]
      expect(MODES.exec(await shell.press('x', MODES))![0]).toBe(before)
    },
  )
})
