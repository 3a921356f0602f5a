/** Module that compiled code imports its runtime from; the loader knows where it is. */
export const RUNTIME_MODULE = '@rip/transpile/runtime'
