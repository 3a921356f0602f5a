/** The worker's own timers are those of the runtime, whatever is put in their place for the application or by it. */
export const setInterval: typeof globalThis.setInterval = globalThis.setInterval
export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout
