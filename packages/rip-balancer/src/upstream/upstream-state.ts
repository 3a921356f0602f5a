import { stateGraph, type StateGraph, type StateTable } from '../state-table.ts'

/**
 * Where a connection to a backend is.
 *
 * - `connecting`: it is being made;
 * - `idle`: it is open, and no request has been sent that is still to be answered;
 * - `head`: a request is being sent, and its final response has not begun;
 * - `body`: the body of the response is arriving;
 * - `tunnel`: both sides have switched protocols;
 * - `closed`: it is gone, and its exchange has been told or does not want to know.
 */
export type UpstreamState = 'connecting' | 'idle' | 'head' | 'body' | 'tunnel' | 'closed'

/**
 * - `opened`: the backend accepted the connection, and has proved who it is where TLS is spoken;
 * - `request`: the exchange is about to send a request;
 * - `body-begins`: the head of the final response is complete, a body follows;
 * - `switched`: the exchange accepted a 101 response;
 * - `complete`: the response is complete, and the connection can serve another request;
 * - `close`: the connection is given up or lost.
 */
export type UpstreamEvent = 'opened' | 'request' | 'body-begins' | 'switched' | 'complete' | 'close'

export const UPSTREAM_STATES: StateTable<UpstreamState, UpstreamEvent> = {
  connecting: { opened: 'idle', close: 'closed' },
  idle: { request: 'head', close: 'closed' },
  head: { 'body-begins': 'body', switched: 'tunnel', complete: 'idle', close: 'closed' },
  body: { complete: 'idle', close: 'closed' },
  tunnel: { close: 'closed' },
  closed: {},
}

/** The states and events of all connections to backends. */
export const UPSTREAM: StateGraph<UpstreamState, UpstreamEvent> = stateGraph(UPSTREAM_STATES)
