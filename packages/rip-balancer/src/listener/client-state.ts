import type { StateTable } from '../state-table.ts'

/**
 * Where the connection of a client is.
 *
 * - `handshaking`: TLS has not begun, so there is no orderly end yet;
 * - `open`: requests are read and answered;
 * - `lingering`: the last response has been sent; input is read and dropped, so that a reset does not destroy the response
 *   on its way (RFC 9112 §9.6);
 * - `ending`: both sides have said all they have to say, the socket is about to report its end;
 * - `aborted`: the socket was closed in the middle of a response, and is about to report it;
 * - `closed`: the socket is gone.
 */
export type ClientState = 'handshaking' | 'open' | 'lingering' | 'ending' | 'aborted' | 'closed'

/**
 * - `secured`: the TLS handshake succeeded;
 * - `linger`: the last response has been sent while the client may still be sending;
 * - `end`: the last response has been sent, and nothing more is expected of the client;
 * - `abort`: a response cannot be completed;
 * - `close`: the socket reports its end, or is given up.
 */
export type ClientEvent = 'secured' | 'linger' | 'end' | 'abort' | 'close'

export const CLIENT_STATES: StateTable<ClientState, ClientEvent> = {
  handshaking: { secured: 'open', end: 'ending', close: 'closed' },
  open: { linger: 'lingering', end: 'ending', abort: 'aborted', close: 'closed' },
  lingering: { end: 'ending', close: 'closed' },
  ending: { close: 'closed' },
  aborted: { close: 'closed' },
  closed: {},
}
