import { statSync } from 'node:fs'

/** The user this process acts as, or `undefined` where users have no numbers. */
export function ownUid(): number | undefined {
  return process.geteuid?.()
}

/**
 * Whether what belongs to this user can be believed: ours, or of root, who could change ours anyway. Root is
 * the owner of `/`: inside a user namespace that may be another number than 0.
 */
export function isOfOursOrRoot(uid: number): boolean {
  const own = ownUid()
  return own === undefined || uid === own || uid === 0 || uid === statSync('/').uid
}
