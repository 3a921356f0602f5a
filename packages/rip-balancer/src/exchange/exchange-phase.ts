import { type GraphEvent, stateGraph, type StateGraph, type StateTable } from '../state-table.ts'

/**
 * Where an exchange is.
 *
 * - `idle`: there is no request;
 * - `received`: its head has been read, and what becomes of it is being decided;
 * - `gathering`: backends are scarce, so the body is read before one is claimed;
 * - `queued`: waiting for a backend;
 * - `backing-off`: an attempt failed, and the next one is made in a moment (see `Retries.afterLoss`);
 * - `connecting`: waiting for a connection to the backend;
 * - `waiting`: the request is being sent, and there is no final response yet;
 * - `responding`: the response is being relayed;
 * - `flushing`: the response is complete, the client has yet to take the rest of it;
 * - `tunnel`: the connection was upgraded.
 */
export type ExchangePhase =
  | 'idle'
  | 'received'
  | 'gathering'
  | 'queued'
  | 'backing-off'
  | 'connecting'
  | 'waiting'
  | 'responding'
  | 'flushing'
  | 'tunnel'

/**
 * - `begin`: a request has come, or the beginning of one that is malformed;
 * - `gather`, `claim`: its body is read first, or a backend is claimed for it;
 * - `connect`, `send`: the backend it got is connected to, or is sent the request;
 * - `back-off`: the attempt failed, and the next one is put off;
 * - `respond`, `switch`: the head of the final response has come, or the 101 response the client asked for;
 * - `finish`: all of the response was written, and the client has not taken all of it;
 * - `end`: the exchange is recorded.
 */
export type ExchangeEvent =
  'begin' | 'gather' | 'claim' | 'connect' | 'send' | 'back-off' | 'respond' | 'switch' | 'finish' | 'end'

/** Holds the phase of an exchange. Its parts read it, and enter those phases that they bring about. */
export interface PhaseHolder {
  readonly phase: ExchangePhase
  /** @param event one of `EXCHANGE` */
  enter(event: GraphEvent<ExchangeEvent>): void
}

/** Wherever an answer of the balancer's own can be given, and its client be slow to take it. */
const ANSWERED = { finish: 'flushing', end: 'idle' } as const

export const EXCHANGE_PHASES: StateTable<ExchangePhase, ExchangeEvent> = {
  idle: { begin: 'received' },
  received: { gather: 'gathering', claim: 'queued', ...ANSWERED },
  gathering: { claim: 'queued', ...ANSWERED },
  queued: { connect: 'connecting', send: 'waiting', ...ANSWERED },
  'backing-off': { claim: 'queued', end: 'idle' },
  connecting: { send: 'waiting', claim: 'queued', 'back-off': 'backing-off', ...ANSWERED },
  waiting: {
    respond: 'responding',
    switch: 'tunnel',
    claim: 'queued',
    'back-off': 'backing-off',
    ...ANSWERED,
  },
  responding: { finish: 'flushing', end: 'idle' },
  flushing: { end: 'idle' },
  tunnel: { finish: 'flushing', end: 'idle' },
}

/** The phases and events of all exchanges. */
export const EXCHANGE: StateGraph<ExchangePhase, ExchangeEvent> = stateGraph(EXCHANGE_PHASES)
