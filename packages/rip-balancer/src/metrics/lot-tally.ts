import { REQUEST_KINDS } from '../http1/request-kind.ts'
import { CLIENT_GROUPS } from './client-group.ts'

/** Requests of one kind, or of one group of clients, of which lots decided who answers. */
export interface ComparedGroup {
  readonly group: number
  /** How many of them the generation that served before answered well (below 400) when nothing was drawn, of a sample. */
  readonly history: number
  /** Drawn for the generation that serves. */
  readonly requests: number
  /** Of these, those with a 5xx status and those the backend aborted. */
  readonly failed: number
  /** Drawn for the generation that served before. */
  readonly requestsBefore: number
  readonly failedBefore: number
  /** Of these, those with a 4xx status. */
  readonly refusedBefore: number
}

/** What came of the lots so far. */
export interface GenerationComparison {
  readonly kinds: readonly ComparedGroup[]
  readonly clients: readonly ComparedGroup[]
}

/** What a generation answered well. */
export interface History {
  readonly kinds: Uint32Array
  readonly clients: Uint32Array
}

/** How one drawn request was answered. */
export interface DrawnAnswer {
  readonly kind: number
  readonly client: number
  readonly drawnBefore: boolean
  readonly failed: boolean
  readonly refused: boolean
}

const COLUMNS = 5

/** Counts the requests of one comparison by kind and by client, in bounded memory. */
export class LotTally {
  readonly number: number
  private readonly kinds = new Uint32Array(REQUEST_KINDS * COLUMNS)
  private readonly clients = new Uint32Array(CLIENT_GROUPS * COLUMNS)

  constructor(number: number) {
    this.number = number
  }

  count(answer: DrawnAnswer): void {
    add(this.kinds, answer.kind, answer)
    add(this.clients, answer.client, answer)
  }

  read(history: History | undefined): GenerationComparison {
    return { kinds: rows(this.kinds, history?.kinds), clients: rows(this.clients, history?.clients) }
  }
}

function add(table: Uint32Array, group: number, { drawnBefore, failed, refused }: DrawnAnswer): void {
  const at = group * COLUMNS
  table[at + (drawnBefore ? 2 : 0)]!++
  if (failed) table[at + (drawnBefore ? 3 : 1)]!++
  if (refused && drawnBefore) table[at + 4]!++
}

function rows(table: Uint32Array, histories: Uint32Array | undefined): ComparedGroup[] {
  const all: ComparedGroup[] = []
  for (let group = 0; group * COLUMNS < table.length; group++) {
    const history = histories?.[group] ?? 0
    const at = group * COLUMNS
    const [requests = 0, failed = 0, requestsBefore = 0, failedBefore = 0, refusedBefore = 0] =
      table.subarray(at, at + COLUMNS)
    if (history + requests + requestsBefore === 0) continue
    all.push({ group, history, requests, failed, requestsBefore, failedBefore, refusedBefore })
  }
  return all
}
