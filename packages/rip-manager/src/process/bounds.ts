/** How much of a child's standard error is kept to explain its death. */
export const STDERR_TAIL_BYTES = 65_536
/** A longer line of a child is printed in pieces. */
export const MAX_LINE_CHARS = 16_384
/** How long the end of a dead child's output is waited for; a descendant that left the group may hold it open for ever. */
export const OUTPUT_GRACE_MS = 100
/** How often the first process of a container looks for orphans it has inherited. */
export const ORPHAN_SCAN_MS = 1_000
