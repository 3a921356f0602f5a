/**
 * Entity tags of pages that got a script (RFC 9110 §8.8.3). They differ from those of the backend, so that a page a browser
 * keeps from a time without the script is not found to be current, nor one with it later on.
 */

const OWN = 'rip-page-'
const OWN_TAG = /W\/"rip-page-([sw])-([^"]*)"/g

/** The tag of a page with the script; weak, as its bytes are other ones. */
export function pageTag(tag: string): string {
  const [, weak, opaque = tag] = /^(W\/)?"([^"]*)"$/.exec(tag) ?? []
  return `W/"${OWN}${weak === undefined ? 's' : 'w'}-${opaque}"`
}

/** What the backend is asked in place of `If-None-Match`; `undefined` when none of its tags belongs to a page with the script. */
export function backendTags(condition: string): string | undefined {
  const tags = [...condition.matchAll(OWN_TAG)].map(
    ([, kind, opaque]) => `${kind === 'w' ? 'W/' : ''}"${opaque}"`,
  )
  return tags.length === 0 ? undefined : tags.join(', ')
}
