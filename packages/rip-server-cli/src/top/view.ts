import { WINDOWS_MS, type WindowMs } from './history.ts'

export const PANELS = ['workers', 'routes', 'failures'] as const

export type Panel = (typeof PANELS)[number]

/** Which column rows are sorted by. */
export interface Sorting {
  readonly by: string
  readonly isDescending: boolean
}

/** What of the data is shown, and how: all that keys change. */
export interface View {
  readonly panel: Panel
  /** Keys of the rows that are marked. */
  readonly marked: Readonly<Record<Panel | 'requests', string | undefined>>
  readonly sorting: Readonly<Record<Panel, Sorting>>
  /** Name of the worker whose requests are shown. */
  readonly worker: string | undefined
  /** Id of the failed request that is shown. */
  readonly failure: string | undefined
  readonly filter: string
  /** Whether keys are text of the filter. */
  readonly isTyping: boolean
  readonly isPaused: boolean
  readonly showsHelp: boolean
  readonly windowMs: WindowMs
}

/** What is on the screen when a key is pressed. */
export interface Shown {
  /** Keys of the rows, in the order they are shown in. */
  readonly rows: Readonly<Record<Panel | 'requests', readonly string[]>>
  /** Columns that rows can be sorted by. */
  readonly columns: Readonly<Record<Panel, readonly string[]>>
}

/** What is to be done beside showing another view. */
export type KeyAction = 'quit' | 'interrupt' | 'suspend' | 'redraw'

export interface Pressed {
  readonly view: View
  readonly action?: KeyAction
}

/** Columns whose greatest values are of interest; others begin with the smallest. */
const NAMES: ReadonlySet<string> = new Set(['worker', 'state', 'route', 'request', 'code', 'pid'])
const PAGE_ROWS = 10
const MAX_FILTER = 60

export const INITIAL_VIEW: View = {
  panel: 'workers',
  marked: { workers: undefined, routes: undefined, failures: undefined, requests: undefined },
  sorting: {
    workers: { by: 'worker', isDescending: false },
    routes: { by: 'p95', isDescending: true },
    failures: { by: 'ago', isDescending: false },
  },
  worker: undefined,
  failure: undefined,
  filter: '',
  isTyping: false,
  isPaused: false,
  showsHelp: false,
  windowMs: 10_000,
}

/** Every key with what it does, as the help shows it. */
export const KEYS: readonly (readonly [string, string])[] = [
  ['q, Ctrl-C', 'quit'],
  ['? or h', 'show or hide this help'],
  ['space or p', 'pause the picture; looks go on'],
  ['w', 'figures of the last 1 s, 10 s, 60 s'],
  ['tab', 'next list: workers, routes, failures'],
  ['↑ ↓ or k j', 'mark a row'],
  ['PgUp PgDn', 'ten rows up or down'],
  ['Home End', 'first or last row, also g G'],
  ['enter', 'requests of the marked worker; log of the marked failure'],
  ['esc', 'back; ends the filter, too'],
  ['s, S', 'sort by the next column; turn the order'],
  ['/', 'show only rows with a text'],
  ['Ctrl-L', 'draw everything anew'],
  ['Ctrl-Z', 'suspend; fg brings it back'],
]

/** The view after a key. Keys without a meaning change nothing. */
export function press(view: View, key: string, shown: Shown): Pressed {
  if (key === 'interrupt' || key === 'suspend' || key === 'redraw') return { view, action: key }
  if (view.isTyping) return { view: typed(view, key) }
  if (key === 'q') return { view, action: 'quit' }
  if (view.showsHelp) return { view: { ...view, showsHelp: false } }
  return { view: changed(view, key, shown) }
}

function typed(view: View, key: string): View {
  switch (key) {
    case 'enter':
      return { ...view, isTyping: false }
    case 'escape':
      return { ...view, isTyping: false, filter: '' }
    case 'backspace':
      return { ...view, filter: Array.from(view.filter).slice(0, -1).join('') }
  }
  const isText = Array.from(key).length === 1
  return isText && view.filter.length < MAX_FILTER ? { ...view, filter: view.filter + key } : view
}

function changed(view: View, key: string, shown: Shown): View {
  switch (key) {
    case '?':
    case 'h':
      return { ...view, showsHelp: true }
    case ' ':
    case 'p':
      return { ...view, isPaused: !view.isPaused }
    case 'w':
      return { ...view, windowMs: nextOf(WINDOWS_MS, view.windowMs) }
    case '/':
      return { ...view, isTyping: true }
    case 'escape':
    case 'left':
    case 'backspace':
      return back(view)
    case 'tab':
      return isInside(view) ? view : { ...view, panel: nextOf(PANELS, view.panel) }
    case 'back-tab':
      return isInside(view) ? view : { ...view, panel: nextOf(PANELS.toReversed(), view.panel) }
    case 'enter':
    case 'right':
      return entered(view, shown)
    case 's':
    case 'S':
      return sorted(view, key, shown)
  }
  return moved(view, key, shown)
}

/** Whether one row is shown instead of the lists. */
export function isInside({ worker, failure }: View): boolean {
  return worker !== undefined || failure !== undefined
}

/** Out of the row that is shown, else out of the filter. */
function back(view: View): View {
  if (view.failure !== undefined) return { ...view, failure: undefined }
  if (view.worker !== undefined)
    return { ...view, worker: undefined, marked: { ...view.marked, requests: undefined } }
  return { ...view, filter: '' }
}

function entered(view: View, { rows }: Shown): View {
  const { panel, marked } = view
  if (isInside(view) || panel === 'routes') return view
  const key = markedIn(rows[panel], marked[panel])
  return panel === 'workers' ? { ...view, worker: key } : { ...view, failure: key }
}

function sorted(view: View, key: 's' | 'S', { columns }: Shown): View {
  if (isInside(view)) return view
  const { panel } = view
  const { by, isDescending } = view.sorting[panel]
  const next = key === 'S' ? { by, isDescending: !isDescending } : sortingBy(nextOf(columns[panel], by))
  return { ...view, sorting: { ...view.sorting, [panel]: next } }
}

function sortingBy(by: string): Sorting {
  return { by, isDescending: !NAMES.has(by) && by !== 'ago' }
}

function moved(view: View, key: string, { rows }: Shown): View {
  if (view.failure !== undefined) return view
  const list = view.worker === undefined ? view.panel : 'requests'
  const keys = rows[list]
  if (keys.length === 0) return view
  const known = keys.indexOf(view.marked[list] ?? '')
  const at = target(key, Math.max(0, known), keys.length, known >= 0)
  if (at === undefined) return view
  return { ...view, marked: { ...view.marked, [list]: keys[Math.min(keys.length - 1, Math.max(0, at))] } }
}

/** The row that a key leads to; `undefined` for keys that lead nowhere. */
function target(key: string, at: number, count: number, isMarked: boolean): number | undefined {
  switch (key) {
    case 'down':
    case 'j':
      return isMarked ? at + 1 : 0
    case 'up':
    case 'k':
      return isMarked ? at - 1 : 0
    case 'page-down':
      return at + PAGE_ROWS
    case 'page-up':
      return at - PAGE_ROWS
    case 'home':
    case 'g':
      return 0
    case 'end':
    case 'G':
      return count - 1
  }
  return undefined
}

/** The marked row, if it is still there, else the first one. */
export function markedIn(keys: readonly string[], marked: string | undefined): string | undefined {
  return marked !== undefined && keys.includes(marked) ? marked : keys[0]
}

function nextOf<T>(all: readonly T[], current: T): T {
  return all[(all.indexOf(current) + 1) % all.length]!
}
