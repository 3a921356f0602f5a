/** Size of the folder of compiled code above which the entries not used for longest go. */
export const DEFAULT_CACHE_MAX_BYTES: number = 256 * 1024 * 1024

/** Endings of the files the loader compiles. */
export const DEFAULT_EXTENSIONS: readonly string[] = ['.rip']
