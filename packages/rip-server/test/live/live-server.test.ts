import { describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Editor, type Place } from '../../src/live/editor.ts'
import { LiveServer } from '../../src/live/live-server.ts'
import type { LiveMessage } from '../../src/live/live-state.ts'

const PLACE: Place = { file: '/app/a.ts', line: 3, column: 7 }
const problem = { title: 't', message: 'm', detail: '', note: '', place: 'a.ts:3:7', open: PLACE }
const OWN = { host: 'localhost:3000', 'sec-fetch-site': 'same-origin', 'x-real-ip': '127.0.0.1' }

class NotedEditor extends Editor {
  readonly opened: Place[] = []

  override open(place: Place): void {
    this.opened.push(place)
  }
}

/** A server with one page's worth of news. */
class Stand implements AsyncDisposable {
  message: LiveMessage = { generation: 'a', before: [], problems: [problem] }
  readonly editor = new NotedEditor('code {file}')
  readonly folder = mkdtempSync(join(tmpdir(), 'rip-'))
  readonly server: LiveServer

  constructor() {
    const { editor } = this
    this.server = new LiveServer({ socket: this.socket, message: () => this.message, editor })
  }

  get socket(): string {
    return join(this.folder, 's')
  }

  ask(
    path: string,
    headers: Readonly<Record<string, string>> = OWN,
    init: RequestInit = {},
  ): Promise<Response> {
    return fetch(`http://localhost:3000${path}`, { ...init, headers, unix: this.socket })
  }

  order(place: unknown, headers: Readonly<Record<string, string>> = OWN): Promise<Response> {
    return this.ask('/.rip/open', headers, { method: 'POST', body: JSON.stringify(place) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

describe('the server of pages in development', () => {
  test('answers with the script, and with nothing else below its folder', async () => {
    await using stand = new Stand()
    const script = await stand.ask('/.rip/live.js', { host: 'localhost:3000' })
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect(script.headers.get('cross-origin-resource-policy')).toBe('same-origin')
    expect(await script.text()).toContain('EventSource')
    expect((await stand.ask('/.rip/')).status).toBe(404)
    expect((await stand.ask('/.rip/live.js', OWN, { method: 'POST' })).status).toBe(404)
    expect((await stand.ask('/.rip/open')).status).toBe(405)
  })

  test('tells first how things are, and then what changes, to every page', async () => {
    await using stand = new Stand()
    const readers = await Promise.all(
      [1, 2].map(async () =>
        (await stand.ask('/.rip/live')).body!.pipeThrough(new TextDecoderStream()).getReader(),
      ),
    )
    for (const reader of readers) {
      const { value = '' } = await reader.read()
      expect(value).toStartWith('retry: ')
      expect(value).toEndWith(`data: ${JSON.stringify(stand.message)}\n\n`)
    }
    const next: LiveMessage = { generation: 'b', before: ['a'], problems: [] }
    stand.server.tell(next)
    for (const reader of readers)
      expect((await reader.read()).value).toBe(`data: ${JSON.stringify(next)}\n\n`)
    await readers[0]!.cancel()
    stand.server.tell(next)
    expect((await readers[1]!.read()).done).toBe(false)
    stand.server.endStreams()
    expect((await readers[1]!.read()).done).toBe(true)
    stand.server.tell(next)
  })

  test.each([
    ['cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['same-site', { 'sec-fetch-site': 'same-site' }],
    ['an origin', { 'sec-fetch-site': '', origin: 'http://evil.example' }],
    ['another port', { 'sec-fetch-site': '', origin: 'http://localhost:4000' }],
    ['no origin', { 'sec-fetch-site': '', origin: 'null' }],
  ])('the stream and orders are not for pages of other origins: %s', async (_, fields) => {
    await using stand = new Stand()
    const headers = Object.fromEntries(
      Object.entries({ ...OWN, ...fields }).filter(([, value]) => value !== ''),
    )
    const stream = await stand.ask('/.rip/live', headers)
    expect([stream.status, await stream.text()]).toEqual([403, 'for pages of this origin only\n'])
    expect((await stand.order(PLACE, headers)).status).toBe(403)
    expect(stand.editor.opened).toEqual([])
  })

  test('opens only a place that is shown, for this machine', async () => {
    await using stand = new Stand()
    expect((await stand.order({ ...PLACE, file: '/etc/passwd' })).status).toBe(404)
    expect((await stand.order({ ...PLACE, line: 4 })).status).toBe(404)
    expect((await stand.order(null)).status).toBe(404)
    expect((await stand.order(PLACE, { ...OWN, 'x-real-ip': '192.168.1.7' })).status).toBe(403)
    const { 'x-real-ip': _, ...anywhere } = OWN
    expect((await stand.order(PLACE, anywhere)).status).toBe(403)
    expect(stand.editor.opened).toEqual([])
    expect((await stand.order(PLACE)).status).toBe(204)
    expect(stand.editor.opened).toEqual([PLACE])
    stand.message = { ...stand.message, problems: [] }
    expect((await stand.order(PLACE)).status).toBe(404)
  })

  test('leaves no socket behind', async () => {
    const stand = new Stand()
    const { socket } = stand
    await stand[Symbol.asyncDispose]()
    expect(existsSync(socket)).toBe(false)
  })
})

describe('the editor', () => {
  test.each([
    [undefined, 'vscode://file/app/a.ts:3:7'],
    ['', 'vscode://file/app/a.ts:3:7'],
    ['zed://file{file}:{line}', 'zed://file/app/a.ts:3'],
    ['idea --line {line} {file}', undefined],
  ])('named %j opens %j', (template, link) => {
    expect(new Editor(template).link(PLACE)).toBe(link)
  })

  test('escapes what a path has in it', () => {
    expect(new Editor(undefined).link({ ...PLACE, file: '/a b/ü#.ts' })).toBe(
      'vscode://file/a%20b/%C3%BC%23.ts:3:7',
    )
  })

  test('that is a command gets the file as one word', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rip-'))
    const file = join(folder, 'a $(b) c')
    new Editor('touch').open({ ...PLACE, file })
    while (!existsSync(file)) await Bun.sleep(1)
    rmSync(folder, { recursive: true })
  })
})
