/** A set of names, with and without ports. */
export interface HostSet {
  /** @param authority empty when the request names no host */
  has(authority: string): boolean
}
