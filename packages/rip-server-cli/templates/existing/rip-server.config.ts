import type { RipServerConfig } from 'rip-server'

/** Settings of the server. Flags and the environment win over them: `rip-server config --sources` shows what is in effect. */
export default {
  // health: '/up',           // a path that new code has to answer with 2xx before it serves
  // port: 8080,              // 3000 unless PORT or --port says otherwise
  // workers: 4,              // one for each processor; 2 in development
  // concurrency: 100,        // requests that a worker serves at once
  // maxMemory: '512MiB',     // a worker that needs more is replaced; its requests finish first
  // drainTimeout: '30s',     // how long requests may take to finish when a worker leaves
  // tlsCert: 'shop.pem',     // https, with tlsKey; read again when the file changes
} satisfies RipServerConfig
