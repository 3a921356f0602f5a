/** Defaults of every limit of the manager. */

export const DEFAULT_WORKERS = 1
export const DEFAULT_CONCURRENCY = 100
export const DEFAULT_BOOT_TIMEOUT_MS = 30_000
export const DEFAULT_DRAIN_TIMEOUT_MS = 30_000
/**
 * Where one worker is enough to take over, the others start this much later: they would take the processors from the first
 * answers of the new code, which a developer waits for.
 */
export const REST_DELAY_MS = 50
/** Time to go on serving after a stop: none, because no load balancer outside is known. */
export const DEFAULT_STOP_DELAY_MS = 0
/**
 * Between the acknowledged removal from rotation and the order to drain: whatever the balancer had written to
 * the worker before, the worker has read after that time.
 */
export const DEFAULT_SETTLE_MS = 500
/** Longest drain when everything stops in development, where a person waits for the terminal. */
export const DEV_STOP_TIMEOUT_MS = 3_000
/** Between TERM and KILL. */
export const DEFAULT_KILL_GRACE_MS = 1_000
/**
 * How long a worker may take to say that it stands by, before another with its number becomes active anyway. It
 * waits for its application less long than that.
 */
export const STANDBY_TIMEOUT_MS = 10_000
/** How long a worker that is stopped without waiting may take to say what it was answering. */
export const LAST_COUNT_MS = 50
/** How often a worker proves that its event loop turns. */
export const DEFAULT_BEACON_MS = 1_000
/** Silence after which a worker's event loop counts as stuck. */
export const DEFAULT_STUCK_AFTER_MS = 10_000

/** Crashes a generation may have within the period before it counts as crash-looping. */
export const DEFAULT_CRASH_RESTARTS = 5
export const DEFAULT_CRASH_PER_MS = 30_000
export const DEFAULT_BACKOFF_BASE_MS = 250
export const DEFAULT_BACKOFF_CAP_MS = 30_000
/** The same while the previous generation stands by, and what the new one loses decides whether to return to it. */
export const OBSERVED_BACKOFF_CAP_MS = 250
/** A generation that had a worker ready for this long since its last crash has recovered. */
export const DEFAULT_STABLE_MS = 10_000
/** A worker killed from outside after it was ready for this long was not killed by its own code. */
export const OUTSIDE_KILL_MIN_UPTIME_MS = 250

export const DEFAULT_RECYCLE_JITTER = 0.1
/** Consecutive beacons above the memory limit that lead to recycling: a spike does not. */
export const DEFAULT_MEMORY_SAMPLES = 3
/** A worker above the memory limit that has hardly grown is not replaced earlier than this. */
export const HARDLY_GROWN_MS = 60_000
/** A worker that can open fewer files and connections than this is replaced; with fewer from the start, than half of that. */
export const LOW_DESCRIPTORS = 16
/** Pause after a replacement did not boot, before another recycling is tried. */
export const RECYCLE_RETRY_MS = 30_000

/** At most one worker in this time is replaced because the memory of all is nearly used up. */
export const MEMORY_BUDGET_PAUSE_MS = 60_000
/** A worker that has grown by less since it was fresh is not worth replacing. */
export const MEMORY_BUDGET_GROWTH = 0.25
/** By how much every worker may grow while two generations are alive: so much memory is left alone. */
export const SURGE_GROWTH = 0.1
/**
 * By how much manager and balancer may grow in a reload, when they do much for the first time: measured 10 MiB with requests
 * under way.
 */
export const SURGE_OWN_GROWTH_BYTES: number = 12 * 1_048_576
/** Memory that is too scarce is looked at again after this time, before anything is given up for it. */
export const ROOM_CHECK_MS = 100

export const DEFAULT_VERIFY_TIMES = 1
/** A file written so shortly before it failed to compile may be half-written: it is read once more. */
export const UNSETTLED_MS = 200

export const DEFAULT_OBSERVE_EVERY_MS = 100
export const DEFAULT_OBSERVE_MIN_REQUESTS = 50
/** Fewer failed answers than these say nothing, however few answers there were. */
export const DEFAULT_OBSERVE_MIN_ERRORS = 10
export const DEFAULT_OBSERVE_MAX_ERROR_RATE = 0.02

/** The manager looks after everything at least this often. */
export const TICK_MS = 1_000
/** A longer silence of our own clock means that we did not run: every window starts anew. */
export const SUSPEND_GAP_MS = 3_000
export const ROUTING_RETRY_MS = 100
export const ROUTING_RETRY_CAP_MS = 2_000
/** Refused switches in a row before a generation is given up. */
export const ROUTING_ATTEMPTS = 5

/** A router that does not answer for so long did not follow. */
export const ROUTING_TIMEOUT_MS = 10_000
/** How long the router may take to report a drain that was given up. */
export const ROUTER_GRACE_MS = 1_000
/**
 * How long the router may take to finish its requests in a stop, before the workers are told to end requests that would
 * never end by themselves. At most half of the drain timeout.
 */
export const ROUTER_LEAVE_MS = 10_000

/** The same in development, where a person waits for the stop and event streams of open pages last for ever. */
export const DEV_ROUTER_LEAVE_MS = 1_000

/** A service that ends this often without ever having been ready fails the start. */
export const SERVICE_START_ATTEMPTS = 3
export const SERVICE_READY_TIMEOUT_MS = 10_000
/** Pause before a service is asked again whether it lives, and the longest wait for its answer. */
export const SERVICE_ALIVE_MS = 2_500
/** How long after the end of a service its answer to the order to leave may still arrive. */
export const SERVICE_LAST_WORD_MS = 500
export const SERVICE_STOP_GRACE_MS = 5_000

/** Events a slow reader may leave unread. */
export const EVENT_BUFFER = 1_024

/** Answers of a candidate are waited for this long. */
export const DEFAULT_VERIFY_TIMEOUT_MS = 5_000

/** What is kept for a reader of our own output that is slow. */
export const DEFAULT_OUTPUT_BUFFER_BYTES = 1_048_576

/** As many waiting connections as Linux allows by default (`net.core.somaxconn`). */
export const DEFAULT_BACKLOG = 4_096

/** A change is looked at when nothing more happened for this long … */
export const DEFAULT_DEBOUNCE_MS = 50
/** … but at the latest this long after it began. */
export const DEFAULT_MAX_DEBOUNCE_MS = 250
/** The disk is compared this often even when the system reports no change. */
export const DEFAULT_SWEEP_MS = 2_000
