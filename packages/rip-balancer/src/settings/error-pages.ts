/** Body of the answers the balancer gives itself. */
export interface ErrorPages {
  /** @param accept value of the `Accept` field of the request, if its head could be read */
  render(status: number, requestId: string, accept: string | undefined): ErrorPage
  /** Says how to allow a host that is not answered. @param authority as the request names it */
  renderForeignHost(
    status: 403 | 421,
    authority: string,
    requestId: string,
    accept: string | undefined,
  ): ErrorPage
}

/** One rendered page. */
export interface ErrorPage {
  readonly contentType: string
  readonly body: string | Uint8Array
}
