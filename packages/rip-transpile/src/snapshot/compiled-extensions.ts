/** Endings of files that a compiler turns into JavaScript. */
export const COMPILED_EXTENSIONS: ReadonlySet<string> = new Set(['.rip', '.coffee', '.litcoffee', '.civet'])
