/** The module from which compiled code imports its runtime; the loader resolves it. */
export const RUNTIME_MODULE = '@rip/transpile/runtime'
