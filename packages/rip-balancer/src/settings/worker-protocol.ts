/**
 * What is spoken to backends that take HTTP/2 in plain text as well as HTTP/1.1:
 *
 * - `auto`: HTTP/2 while there are many requests at a time, as soon as a connection is ready, HTTP/1.1 otherwise;
 * - `h2c`: HTTP/2; requests wait until a connection is ready;
 * - `http1`: HTTP/1.1.
 *
 * Upgrades, long request bodies, and heads larger than the backend takes, are HTTP/1.1 in any case.
 */
export type WorkerProtocol = (typeof WORKER_PROTOCOLS)[number]

export const WORKER_PROTOCOLS = ['auto', 'h2c', 'http1'] as const
