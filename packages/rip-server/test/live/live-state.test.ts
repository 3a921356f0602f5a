import { expect, test } from 'bun:test'
import type { ChangedContent, Manager, ManagerEventBody, Refusal } from '@rip/manager'
import { Editor } from '../../src/live/editor.ts'
import { type LiveMessage, LiveState } from '../../src/live/live-state.ts'
import { ProblemTexts } from '../../src/live/problem.ts'

type Body = { readonly type: ManagerEventBody['type'] } & Readonly<Record<string, unknown>>

/** A manager that emits what the test says, and what pages are told of it. */
class Stand {
  readonly told: LiveMessage[] = []
  readonly status: { generation: string | null } = { generation: null }
  readonly state: LiveState
  readonly #listeners = new Map<string, (event: never) => void>()
  changed: ChangedContent | undefined = { paths: ['index.ts'], count: 1 }

  constructor() {
    const on = (type: string, listener: (event: never) => void): Disposable => {
      this.#listeners.set(type, listener)
      return { [Symbol.dispose]: () => void this.#listeners.delete(type) }
    }
    this.state = new LiveState({
      manager: { on, status: this.status } as unknown as Manager,
      texts: new ProblemTexts('/app', new Editor(undefined)),
      tell: (message) => void this.told.push(message),
    })
  }

  emit(event: Body): LiveMessage | undefined {
    const count = this.told.length
    this.#listeners.get(event.type)?.(event as never)
    return this.told.length === count ? undefined : this.told.at(-1)
  }

  serve(generation: string): LiveMessage | undefined {
    const previous = this.status.generation
    this.status.generation = generation
    return this.emit(
      previous === null ? { type: 'ready' } : { type: 'generation-cut', previous, changed: this.changed },
    )
  }

  refuse(refusal: Partial<Refusal>): LiveMessage | undefined {
    const { generation = 'x', message = 'it is broken', code = 'build-failed' } = refusal
    return this.emit({ type: 'generation-refused', refusal: { ...refusal, generation, message, code } })
  }

  get listeners(): number {
    return this.#listeners.size
  }
}

const failure = {
  kind: 'compile',
  message: 'unexpected end',
  file: '/app/lib/a b.ts',
  line: 3,
  column: 7,
  frame: '> 3 | x',
} as const

test('pages hear what serves, what served before, and which files differ', () => {
  const stand = new Stand()
  expect(stand.state.message).toEqual({ generation: null, before: [], problems: [] })
  expect(stand.serve('a')).toEqual({ generation: 'a', before: [], problems: [] })
  expect(stand.serve('b')).toEqual({
    generation: 'b',
    before: ['a'],
    problems: [],
    change: { from: 'a', files: ['index.ts'] },
  })
  stand.changed = { paths: ['index.ts'], count: 2 }
  expect(stand.serve('c')).toEqual({ generation: 'c', before: ['a', 'b'], problems: [] })
  expect(stand.state.message).toEqual({ generation: 'c', before: ['a', 'b'], problems: [] })
})

test('a refused save is shown with its place, until it is undone or other code serves', () => {
  const stand = new Stand()
  stand.serve('a')
  const [problem] = stand.refuse({ failure, message: '/app/lib/a b.ts: unexpected end' })!.problems
  expect(problem).toEqual({
    title: 'What was saved does not serve',
    message: 'lib/a b.ts: unexpected end',
    detail: '> 3 | x',
    note: 'The code before goes on serving. Esc closes.',
    place: 'lib/a b.ts:3:7',
    link: 'vscode://file/app/lib/a%20b.ts:3:7',
  })
  expect(stand.state.message.problems).toEqual([problem!])
  expect(stand.emit({ type: 'generation-unchanged' })!.problems).toEqual([])
  stand.refuse({ failure })
  expect(stand.serve('b')!.problems).toEqual([])
})

test.each(['superseded', 'held', 'stopping'] as const)('a save that was only %s is no problem', (code) => {
  const stand = new Stand()
  stand.serve('a')
  expect(stand.refuse({ code })).toBeUndefined()
})

test('what workers fail of is shown once each, the last five, until other code serves', () => {
  const stand = new Stand()
  stand.serve('a')
  const uncaught = (message: string): LiveMessage =>
    stand.emit({ type: 'worker-uncaught', origin: 'exception', failure: { ...failure, message } })!
  for (const at of [1, 2, 3, 4, 5, 6]) uncaught(`fault ${at}`)
  expect(uncaught('fault 4').problems.map(({ message }) => message)).toEqual([
    'fault 4',
    'fault 6',
    'fault 5',
    'fault 3',
    'fault 2',
  ])
  const crashed = { kind: 'crashed', code: 1, signal: null, stderr: '\u001b[31mno memory\u001b[0m\n' }
  const [first] = stand.emit({ type: 'worker-exited', reason: crashed })!.problems
  expect(first).toMatchObject({ message: 'A worker ended with code 1.', detail: 'no memory' })
  expect(stand.emit({ type: 'worker-exited', reason: { kind: 'drained' } })).toBeUndefined()
  const [latest] = stand.emit({
    type: 'background-exited',
    name: 'mailer',
    reason: { ...crashed, code: 3 },
  })!.problems
  expect(latest!.message).toBe('The background process mailer ended with code 3.')
  expect(stand.serve('b')!.problems).toEqual([])
})

test('the end of a worker before anything serves is told by the refusal', () => {
  const stand = new Stand()
  expect(stand.emit({ type: 'worker-exited', reason: { kind: 'oom' } })).toBeUndefined()
})

test('hears nothing after its end', () => {
  const stand = new Stand()
  stand.state[Symbol.dispose]()
  expect(stand.listeners).toBe(0)
})
