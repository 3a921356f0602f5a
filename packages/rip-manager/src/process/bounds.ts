/** How much of a child's standard error is kept to explain its death. */
export const STDERR_TAIL_BYTES = 65_536
/** What a process wrote earlier says nothing of its end. */
export const LAST_WORDS_MS = 30_000
/** A longer line of a child is handed out in pieces. */
export const MAX_LINE_BYTES = 262_144
/** How long the end of a dead child's output is waited for; a descendant that left the group may hold it open for ever. */
export const OUTPUT_GRACE_MS = 100
/** How often the first process of a container looks for orphans it has inherited. */
export const ORPHAN_SCAN_MS = 1_000
/** How often the kernel's count of out-of-memory kills is looked at. */
export const OOM_LOOK_MS = 1_000
/** How long after a kill in our own control group a process that ended by SIGKILL may have been its victim. */
export const OOM_GROUP_KILL_MS = 10_000
/** The same when it is not known in which group the kill was. */
export const OOM_MACHINE_KILL_MS = 2_000
