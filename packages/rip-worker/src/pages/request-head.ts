/** What is known of a request whose answer failed; `url` is as absolute as the client sent it. */
export type RequestHead = Pick<Request, 'method' | 'url' | 'headers'>

/** Names of hosts and ports say nothing to somebody who looks for a slow page. Takes any URL, also one that is none. */
export function pathOf({ url }: Pick<RequestHead, 'url'>): string {
  return url.replace(/^[a-z]+:\/\/[^/?#]*/i, '') || '/'
}
