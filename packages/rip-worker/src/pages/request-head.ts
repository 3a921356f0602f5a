/** What is known of a request whose answer failed; `url` is as absolute as the client sent it. */
export type RequestHead = Pick<Request, 'method' | 'url' | 'headers'>

/** The path for a log line, where host and port do not help the operator. Also takes text that is no valid URL. */
export function pathOf({ url }: Pick<RequestHead, 'url'>): string {
  return url.replace(/^[a-z]+:\/\/[^/?#]*/i, '') || '/'
}
