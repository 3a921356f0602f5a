/** How long a command waits for the running instance. */
export const DEFAULT_COMMAND_TIMEOUT_MS = 120_000
