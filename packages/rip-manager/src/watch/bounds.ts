/** Part of one processor that sweeping may take: large trees are swept less often. */
export const SWEEP_SHARE = 0.005

/** Larger files are data, not code. */
export const MAX_FILE_BYTES = 5_242_880
/** More files than this changed at once: a checkout or a copy is under way, and the tree must hold still. */
export const BULK_FILES = 20
/** Two equal looks this far apart count as holding still. */
export const SETTLE_MS = 30
/** A tree that never holds still, or a forgotten `.git/index.lock`, is waited for no longer than this. */
export const MAX_SETTLE_MS = 5_000
/** A file hashed so soon after its modification may change again within the same time stamp. */
export const RACY_MS = 100
/** Reading the tree lets others run after this long. */
export const SLICE_MS = 8

/** So many changes of one data file within the window are taken for the application's own writing. */
export const SELF_WRITE_COUNT = 3
/** The same for a folder into which it writes ever new files, such as uploads. */
export const SELF_WRITE_FOLDER_COUNT = 6
export const SELF_WRITE_WINDOW_MS = 10_000
/** A data file that changes again so soon may be the beginning of such: it is believed when so much time has passed. */
export const SELF_WRITE_DOUBT_MS = 1_000

/** Never content of an application, in the notation of gitignore(5). */
export const DEFAULT_IGNORE: readonly string[] = [
  '.*',
  '!.env*',
  'node_modules/',
  '__pycache__/',
  'dist/',
  'coverage/',
  'logs/',
  'tmp/',
  '*.log',
  '*.sqlite*',
  '*.db',
  '*.db-*',
  '*.pid',
  '*.sock',
  '*.tmp',
  '*.swp',
  '*~',
  '\\#*#',
  '*___jb_*___',
  '4913',
]

/** Part of a generation whatever `.gitignore` says: secrets and locks are often kept out of git. */
export const ALWAYS_CONTENT: readonly string[] = [
  '!.env*',
  '!/package.json',
  '!/bun.lock',
  '!/bun.lockb',
  '!/package-lock.json',
  '!/pnpm-lock.yaml',
  '!/yarn.lock',
  '!/rip-server.config.*',
]
