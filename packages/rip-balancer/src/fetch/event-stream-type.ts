/** Whether a `Content-Type`, or the first type of an `Accept`, is that of server-sent events (WHATWG HTML §9.2). */
export function isEventStreamType(value: string | null): boolean {
  return value !== null && /^text\/event-stream[ \t]*(?:;|$)/i.test(value)
}
