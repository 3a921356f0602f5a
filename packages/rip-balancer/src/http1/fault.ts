/** What is wrong with a message; one name per rule, so that logs and tests can tell them apart. */
export type Fault = keyof typeof statusOfFault

const statusOfFault = {
  'bad-method': 400,
  'bad-target': 400,
  'bad-version': 400,
  'bad-status-line': 400,
  'bad-line-end': 400,
  'bad-field-name': 400,
  'bad-field-value': 400,
  'folded-field': 400,
  'missing-host': 400,
  'several-hosts': 400,
  'bad-host': 400,
  'bad-content-length': 400,
  'several-content-lengths': 400,
  'length-and-transfer-encoding': 400,
  'bad-transfer-encoding': 400,
  'transfer-encoding-in-http-1-0': 400,
  'bad-connection': 400,
  'bad-chunk-size': 400,
  'bad-chunk-extension': 400,
  'bad-chunk-end': 400,
  'truncated-message': 400,
  'bad-proxy-header': 400,
  'method-refused': 405,
  'body-too-large': 413,
  'target-too-long': 414,
  'unknown-expectation': 417,
  'head-too-large': 431,
  'too-many-fields': 431,
  'unknown-transfer-coding': 501,
  'unsupported-version': 505,
} as const

/** Status with which a request of that fault is refused. In a response each fault means 502. */
export function statusOf(fault: Fault): number {
  return statusOfFault[fault]
}
