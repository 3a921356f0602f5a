/** The runtime's timers, for the worker itself: those of `globalThis` are replaced for the application, or by it. */
export const setInterval: typeof globalThis.setInterval = globalThis.setInterval
export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout
