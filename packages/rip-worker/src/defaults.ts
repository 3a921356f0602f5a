/** Requests that an application works on at the same time. */
export const DEFAULT_CONCURRENCY = 100

/** Requests that wait for one of the places above; a balancer in front normally keeps this at zero. */
export const DEFAULT_MAX_WAITING = 1024

/** WebSockets and event streams of one worker, beside the places above. */
export const DEFAULT_MAX_LONG_LIVED = 9000

/** WebSockets and event streams of one client. */
export const DEFAULT_MAX_LONG_LIVED_PER_ADDRESS = 1800

/** Pause between two reports of the same limit. */
export const LIMIT_REPORT_PAUSE_MS = 60_000

/** How long a drain lets running requests, streams and WebSockets finish. */
export const DEFAULT_DRAIN_TIMEOUT_MS = 30_000

/** TCP port of a worker that serves without a balancer. */
export const DEFAULT_PORT = 3000

/** Quiet time after which a client on TCP is cut off. On a Unix socket the peer, our balancer, decides. */
export const DEFAULT_IDLE_TIMEOUT_S = 120

/** Longest request body on TCP. On a Unix socket the balancer applies the limit. */
export const DEFAULT_MAX_BODY_BYTES: number = 128 * 1024 * 1024

/** Beacon interval until the supervisor's `welcome` names another. */
export const DEFAULT_BEACON_MS = 1000

/** How often the delay of the event loop is measured. */
export const LAG_SAMPLE_MS = 100

/** Shortest delay of the event loop for which `lag` listeners are called. */
export const LAG_EVENT_MS = 50

/** How often a drain looks whether everything is done. */
export const DRAIN_POLL_MS = 5

/** How often waiting requests look for a free place, beside the end of each request. */
export const GATE_POLL_MS = 2

/** Time for event streams to write their last chunk once the deadline of a drain has passed. */
export const EVENT_STREAM_GRACE_MS = 100

/**
 * In development, how long WebSockets may take to answer that they are closed, and event streams that begin during a
 * drain may last.
 */
export const EARLY_END_MS = 1000

/** How long WebSockets may take to answer that they are closed when the server stops. */
export const CLOSE_ANSWER_MS = 5000

/** How long a worker that stops to be active waits for what `resume` began and for the `standby` hook. */
export const STANDBY_HOOK_MS = 5000

/** Time a `close` hook gets at least, even when the requests used up the deadline. */
export const CLOSE_HOOK_GRACE_MS = 1000

/**
 * How long a supervised worker that gets SIGTERM while it boots goes on: if its supervisor got the same signal, the
 * supervisor decides what the worker does.
 */
export const BOOT_SIGNAL_GRACE_MS = 500

/** How long a worker that leaves without a free descriptor waits for one, to accept the connections that wait for it. */
export const ACCEPT_WAITING_MS = 10_000

/** How long a worker with an uncaught exception waits for its supervisor to turn the requests away. */
export const LEAVE_TIMEOUT_MS = 1000

/**
 * How long a worker whose supervisor died goes on as before: the balancer, which leaves at the same time, still
 * has requests to send, from clients whose connections it keeps open for half a second.
 */
export const ORPHAN_GRACE_MS = 1000

/** A longer delay makes `setTimeout` fire at once. */
export const MAX_TIMER_MS = 2_147_483_647

/** How long a module that exports no handler may take, after its import, to open its server, if not told otherwise. */
export const LATE_LISTEN_MS = 10_000

/** What such a module leaves at least of a boot timeout that is longer than the default. */
export const LATE_LISTEN_RESERVE_MS = 20_000

/** How often the worker checks whether such a module forks processes of its own. */
export const LATE_LISTEN_POLL_MS = 20

/** When the worker prints that it is waiting for such a server. */
export const LATE_LISTEN_HINT_MS = 1_000

/** How long the application may still act after its server has been closed, before the process ends. */
export const LAST_WORDS_MS = 20

/** How long a background process whose module never ends being loaded is watched before it counts as begun. */
export const BACKGROUND_BEGIN_MS = 1_000
