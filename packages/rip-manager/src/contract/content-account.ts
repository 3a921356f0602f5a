/** Why a file does not count as content of an application, unless its code imports it. */
export type ContentObstacle =
  | { readonly kind: 'outside' }
  /** `path`: what the rule ignores, the file or a folder above it; `from`: the file of the rule, or whose it is. */
  | { readonly kind: 'ignored'; readonly path: string; readonly rule: string; readonly from: string }
  /** The application was seen writing it; then it does not count even if code imports it. */
  | { readonly kind: 'written'; readonly path: string }
  /** A folder above it is a link. */
  | { readonly kind: 'behind-link'; readonly path: string }
  | { readonly kind: 'large'; readonly bytes: number; readonly maxBytes: number }

/** Whether a file is content of an application, and why. Paths in it are relative to the root. */
export interface ContentAccount {
  readonly what: 'file' | 'folder' | 'nothing'
  /** Whether its content decides, with that of others, which generation it is; of what is no file, whether a file would. */
  readonly counts: boolean
  /** Whether code imports it, as the last build found; `null` before the first one. */
  readonly isImported: boolean | null
  /** Absent when nothing is in the way. */
  readonly obstacle?: ContentObstacle
}

/** Whose a rule is that is in no file: of the program, for every application, or of this server. */
export const RULE_ORIGINS = { program: 'rip-server', server: 'this server' } as const
