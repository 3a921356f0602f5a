import { stateGraph, type StateGraph, type StateTable } from '../state-table.ts'

/**
 * Where a stream is (RFC 9113 §5.1; nothing is pushed, so that no stream is ever reserved).
 *
 * - `idle`: nothing has been sent or received on it;
 * - `open`: both sides may send;
 * - `half-closed-local`: our message is complete, the peer's is not;
 * - `half-closed-remote`: the peer's message is complete, ours is not;
 * - `closed`: both are complete, or one side has reset the stream.
 */
export type StreamState = 'idle' | 'open' | 'half-closed-local' | 'half-closed-remote' | 'closed'

/**
 * - `head`: a request begins, sent or received;
 * - `sent-end`, `received-end`: END_STREAM;
 * - `reset`: RST_STREAM, sent or received, or the connection ends.
 */
export type StreamEvent = 'head' | 'sent-end' | 'received-end' | 'reset'

export const STREAM_STATES: StateTable<StreamState, StreamEvent> = {
  idle: { head: 'open' },
  open: { 'sent-end': 'half-closed-local', 'received-end': 'half-closed-remote', reset: 'closed' },
  'half-closed-local': { 'received-end': 'closed', reset: 'closed' },
  'half-closed-remote': { 'sent-end': 'closed', reset: 'closed' },
  closed: {},
}

/** The states and events of all streams. */
export const STREAM: StateGraph<StreamState, StreamEvent> = stateGraph(STREAM_STATES)
