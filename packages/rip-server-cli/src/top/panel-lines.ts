import { line, type StyledLine } from '../terminal/styled-line.ts'
import { listLines } from './list.ts'
import {
  failureColumns,
  type Lists,
  requestKey,
  ROUTE_COLUMNS,
  routeKey,
  shownMark,
  WORKER_COLUMNS,
  workerKey,
} from './lists.ts'
import { type Panel, PANELS, type View } from './view.ts'

const FEWEST_PANEL_ROWS = 3

/** The lists, of which the active one gets what it needs first. */
export function panelLines(
  lists: Lists,
  view: View,
  nowMs: number,
  cells: number,
  height: number,
): StyledLine[] {
  const wanted: Record<Panel, number> = {
    workers: Math.max(1, lists.workers.length) + 1,
    routes: Math.max(1, lists.routes.length) + 1,
    failures: Math.max(1, lists.failures.length) + 1,
  }
  const heights = panelHeights(wanted, view.panel, height)
  const shown = PANELS.filter((panel) => heights[panel] > 0)
  return shown.flatMap((panel, at) => [
    ...(at === 0 ? [] : [line()]),
    ...panelOf(panel, lists, view, nowMs, cells, heights[panel]),
  ])
}

function panelOf(
  panel: Panel,
  lists: Lists,
  view: View,
  nowMs: number,
  cells: number,
  height: number,
): StyledLine[] {
  const common = { isActive: view.panel === panel, cells, height, sorting: view.sorting[panel] }
  const suits = view.filter === '' ? '' : ` with "${view.filter}"`
  if (panel === 'workers') {
    const marked = shownMark(view, panel, lists.workers.map(workerKey))
    return listLines({
      ...common,
      columns: WORKER_COLUMNS,
      rows: lists.workers,
      keyOf: workerKey,
      marked,
      empty: `no worker${suits}`,
    })
  }
  if (panel === 'routes') {
    const marked = shownMark(view, panel, lists.routes.map(routeKey))
    const empty = `no route${suits} was asked for in the last minutes`
    return listLines({
      ...common,
      columns: ROUTE_COLUMNS,
      rows: lists.routes,
      keyOf: routeKey,
      marked,
      empty,
    })
  }
  const marked = shownMark(view, panel, lists.failures.map(requestKey))
  const empty = `no request${suits} has failed lately`
  return listLines({
    ...common,
    columns: failureColumns(nowMs),
    rows: lists.failures,
    keyOf: requestKey,
    marked,
    empty,
  })
}

/** Rows for each list, headings and the blank row before it included in what is divided. */
export function panelHeights(
  wanted: Readonly<Record<Panel, number>>,
  active: Panel,
  height: number,
): Record<Panel, number> {
  const heights: Record<Panel, number> = { workers: 0, routes: 0, failures: 0 }
  const order = [active, ...PANELS.filter((panel) => panel !== active)]
  let left = height
  for (const panel of order) {
    const blank = left === height ? 0 : 1
    const takes = Math.min(wanted[panel], FEWEST_PANEL_ROWS)
    if (left < takes + blank && left < height) continue
    heights[panel] = Math.max(0, Math.min(takes, left - blank))
    left -= heights[panel] + blank
  }
  for (const panel of order) {
    if (heights[panel] === 0) continue
    const more = Math.min(wanted[panel] - heights[panel], Math.max(0, left))
    heights[panel] += more
    left -= more
  }
  return heights
}
