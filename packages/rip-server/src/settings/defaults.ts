export const DEFAULT_PORT = 3000
/** Production listens on all addresses, IPv4 and IPv6, development only on this machine's own. */
export const DEFAULT_HOST = '::'
export const DEFAULT_DEV_HOST = '127.0.0.1'
export const DEFAULT_DEV_WORKERS = 2
export const DEFAULT_CONCURRENCY = 100
/** Share of the control group's memory limit above which the largest worker is replaced; no effect without a limit. */
export const DEFAULT_MEMORY_BUDGET = 0.9
export const DEFAULT_STOP_DELAY_MS = 0
export const DEFAULT_DRAIN_TIMEOUT_MS = 30_000
export const DEFAULT_BOOT_TIMEOUT_MS = 30_000
/** How long the answers of new code are watched while the previous generation is on standby. */
export const DEFAULT_ROLLBACK_WINDOW_MS = 10_000
export const MAX_WORKERS = 512
export const MAX_CONCURRENCY = 100_000
