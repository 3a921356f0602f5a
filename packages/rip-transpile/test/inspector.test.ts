import { expect, test } from 'bun:test'
import type { SourceMap } from '../src/adapter.ts'
import { placesOf } from './places-of.ts'
import { REGISTER } from './run-bun.ts'
import { tempProject } from './temp-project.ts'

const PROGRAM = `# The first line is a comment.
double = (n) ->
  m = n * 2
  m + 1

debugger
console.log double 20
`

interface Message {
  readonly method?: string
  readonly params: {
    readonly url: string
    readonly scriptId: string
    readonly sourceMapURL: string
    readonly callFrames: readonly { readonly functionName: string; readonly location: Location }[]
  }
}

interface Location {
  readonly scriptId: string
  readonly lineNumber: number
  readonly columnNumber: number
}

/** A debugger at the other end of Bun's inspector, speaking JSON over a WebSocket. */
class Inspector {
  private readonly socket: WebSocket
  private readonly received: Message[] = []
  private arrived = Promise.withResolvers<void>()
  private id = 0

  constructor(url: string) {
    this.socket = new WebSocket(url)
    this.socket.addEventListener('message', ({ data }) => {
      this.received.push(JSON.parse(String(data)) as Message)
      this.arrived.resolve()
    })
  }

  opened(): Promise<unknown> {
    return new Promise((resolve) => this.socket.addEventListener('open', resolve, { once: true }))
  }

  send(method: string, params: object = {}): void {
    this.socket.send(JSON.stringify({ id: ++this.id, method, params }))
  }

  /** The next message with the name that has not been taken yet. */
  async take(
    method: string,
    matches: (params: Message['params']) => boolean = () => true,
  ): Promise<Message['params']> {
    for (;;) {
      const at = this.received.findIndex((one) => one.method === method && matches(one.params))
      if (at !== -1) return this.received.splice(at, 1)[0]!.params
      await this.arrived.promise
      this.arrived = Promise.withResolvers()
    }
  }

  close(): void {
    this.socket.close()
  }
}

async function inspectorUrl(stderr: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of stderr.pipeThrough(new TextDecoderStream() as never)) {
    text += chunk
    const url = /ws:\/\/\S+(?=\s)/.exec(text)?.[0]
    if (url !== undefined) return url
  }
  throw new Error(`no inspector: ${text}`)
}

test('a debugger stops at lines of the source', async () => {
  using project = tempProject({ 'main.rip': PROGRAM })
  await using child = Bun.spawn(
    [process.execPath, '--inspect-wait=127.0.0.1:0', '--preload', REGISTER, 'main.rip'],
    {
      cwd: project.root,
      env: { ...process.env, RIP_CACHE: 'off', NO_COLOR: '1' },
      stdout: 'pipe',
      stderr: 'pipe',
    },
  )
  const inspector = new Inspector(await inspectorUrl(child.stderr))
  await inspector.opened()
  inspector.send('Inspector.enable')
  inspector.send('Debugger.enable')
  inspector.send('Debugger.setBreakpointsActive', { active: true })
  inspector.send('Debugger.setPauseOnDebuggerStatements', { enabled: true })
  inspector.send('Inspector.initialized')

  const script = await inspector.take('Debugger.scriptParsed', ({ url }) => url === project.path('main.rip'))
  const encoded = script.sourceMapURL.replace('data:application/json;base64,', '')
  const map = JSON.parse(Buffer.from(encoded, 'base64').toString()) as SourceMap
  expect(map.sources).toEqual([project.path('main.rip')])
  expect(map.sourcesContent).toEqual([PROGRAM])
  const places = placesOf(map)
  const sourceLine = ({ lineNumber, columnNumber }: Location): number =>
    1 + places.findLast((place) => place.line === lineNumber && place.column <= columnNumber)!.sourceLine

  const atDebugger = await inspector.take('Debugger.paused')
  expect(sourceLine(atDebugger.callFrames[0]!.location)).toBe(6)
  const { line: lineNumber, column: columnNumber } = places.find((place) => place.sourceLine === 2)!
  const location = { scriptId: script.scriptId, lineNumber, columnNumber }
  inspector.send('Debugger.setBreakpoint', { location })
  inspector.send('Debugger.resume')

  const atBreakpoint = await inspector.take('Debugger.paused')
  const stack = atBreakpoint.callFrames.slice(0, 2)
  expect(stack.map((frame) => sourceLine(frame.location))).toEqual([3, 7])
  expect(stack[0]!.functionName).toBe('double')
  inspector.send('Debugger.resume')
  inspector.close()
  expect(await new Response(child.stdout).text()).toBe('41\n')
})
