import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { INITIAL_VIEW, KEYS, markedIn, press, type Shown, type View } from '../../src/top/view.ts'

const SHOWN: Shown = {
  rows: {
    workers: ['w1.1', 'w2.1', 'w3.1'],
    routes: ['r1', 'r2'],
    failures: ['f1', 'f2'],
    requests: ['q1', 'q2'],
  },
  columns: { workers: ['worker', 'cpu'], routes: ['route', 'p95'], failures: ['ago', 'took'] },
}

function after(keys: readonly string[], view: View = INITIAL_VIEW): View {
  return keys.reduce((shown, key) => press(shown, key, SHOWN).view, view)
}

describe('a key', () => {
  test.each<[string[], Partial<View>]>([
    [[' '], { isPaused: true }],
    [['p', 'p'], { isPaused: false }],
    [['w'], { windowMs: 60_000 }],
    [['w', 'w'], { windowMs: 1_000 }],
    [['?'], { showsHelp: true }],
    [['h', 'x'], { showsHelp: false }],
    [['tab'], { panel: 'routes' }],
    [['tab', 'tab', 'tab'], { panel: 'workers' }],
    [['back-tab'], { panel: 'failures' }],
    [['enter'], { worker: 'w1.1' }],
    [['j', 'j', 'enter'], { worker: 'w2.1' }],
    [['down', 'end', 'enter', 'escape'], { worker: undefined }],
    [['tab', 'enter'], { worker: undefined, panel: 'routes' }],
    [['back-tab', 'enter'], { worker: undefined, failure: 'f1' }],
    [['back-tab', 'down', 'down', 'enter', 'tab', 'down', 's'], { failure: 'f2', panel: 'failures' }],
    [['back-tab', 'enter', 'left'], { failure: undefined, panel: 'failures' }],
    [['/', 'a', 'b', 'backspace', 'q', 'enter'], { filter: 'aq', isTyping: false }],
    [['/', 'a', 'enter', 'escape'], { filter: '' }],
    [['/', 'a', 'escape'], { filter: '', isTyping: false }],
    [['/', 'up', 'page-down'], { filter: '', isTyping: true }],
  ])('%j', (keys, expected) => {
    expect(after(keys)).toMatchObject(expected)
  })

  test('marks a row and stays at the ends of the list', () => {
    const marks = ['down', 'down', 'down', 'down', 'up', 'home', 'up', 'page-down', 'page-up', 'G', 'g']
    const seen = marks.map((_, n) => after(marks.slice(0, n + 1)).marked.workers)
    expect(seen).toEqual([
      'w1.1',
      'w2.1',
      'w3.1',
      'w3.1',
      'w2.1',
      'w1.1',
      'w1.1',
      'w3.1',
      'w1.1',
      'w3.1',
      'w1.1',
    ])
    const empty = { ...SHOWN, rows: { ...SHOWN.rows, workers: [] } }
    expect(press(INITIAL_VIEW, 'down', empty)).toEqual({ view: INITIAL_VIEW })
    expect(press(INITIAL_VIEW, 'enter', empty)).toEqual({ view: INITIAL_VIEW })
  })

  test('moves among the requests of a worker while that is shown, and in its list again behind that', () => {
    const inside = after(['down', 'down', 'enter', 'down', 'down'])
    expect(inside).toMatchObject({ worker: 'w2.1', marked: { workers: 'w2.1', requests: 'q2' } })
    expect(after(['left', 'down'], inside).marked).toMatchObject({ workers: 'w3.1', requests: undefined })
  })

  test('sorts by the next column, the greatest first, and turns the order', () => {
    expect(after(['s']).sorting.workers).toEqual({ by: 'cpu', isDescending: true })
    expect(after(['s', 'S']).sorting.workers).toEqual({ by: 'cpu', isDescending: false })
    expect(after(['s', 's']).sorting.workers).toEqual({ by: 'worker', isDescending: false })
    expect(after(['tab', 's']).sorting.routes).toEqual({ by: 'route', isDescending: false })
  })

  test.each([
    ['q', 'quit'],
    ['interrupt', 'interrupt'],
    ['suspend', 'suspend'],
    ['redraw', 'redraw'],
  ] as const)('%s asks to %s', (key, action) => {
    expect(press(INITIAL_VIEW, key, SHOWN)).toEqual({ view: INITIAL_VIEW, action })
  })

  test('of control works while text is typed, and q is text then', () => {
    const typing = after(['/'])
    expect(press(typing, 'interrupt', SHOWN).action).toBe('interrupt')
    expect(press(typing, 'q', SHOWN)).toEqual({ view: { ...typing, filter: 'q' } })
    expect(press(after(['?']), 'q', SHOWN).action).toBe('quit')
  })
})

test('every key leads to a view that can be shown, in any order', () => {
  const all = [
    ...KEYS.flatMap(([keys]) => keys.split(/[ ,]+/)),
    'tab',
    'enter',
    'escape',
    'down',
    'up',
    's',
    '/',
    ' ',
    '日',
  ]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...all), { maxLength: 40 }), (keys) => {
      const view = after(keys)
      expect(view.filter.length).toBeLessThanOrEqual(60)
      expect([undefined, ...SHOWN.rows.workers]).toContain(view.worker)
      expect([undefined, ...SHOWN.rows[view.panel]]).toContain(view.marked[view.panel])
    }),
  )
})

test('a marked row that has gone gives way to the first one', () => {
  expect(markedIn(['a', 'b'], 'b')).toBe('b')
  expect(markedIn(['a', 'b'], 'gone')).toBe('a')
  expect(markedIn([], 'gone')).toBeUndefined()
})
