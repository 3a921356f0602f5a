/**
 * Where an exchange is.
 *
 * - `idle`: there is no request;
 * - `gathering`: backends are scarce, so the body is read before one is claimed;
 * - `queued`, `connecting`: waiting for a backend, for a connection to it;
 * - `waiting`: the request is being sent, no final response yet;
 * - `responding`: the response is being relayed;
 * - `flushing`: the response is complete, the client has yet to take the rest of it;
 * - `tunnel`: the connection was upgraded.
 */
export type ExchangePhase =
  'idle' | 'gathering' | 'queued' | 'connecting' | 'waiting' | 'responding' | 'flushing' | 'tunnel'
