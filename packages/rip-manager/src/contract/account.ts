/** The user a process runs as, by number. */
export interface Account {
  readonly uid: number
  /** Its only group: those of the process that starts it are not handed down. */
  readonly gid: number
}
