/**
 * Whether a request is addressed to this machine: `localhost`, a name below it, or an address. A page of another site
 * whose name resolves to this machine (DNS rebinding) sends that name instead.
 */
export function isToLocalHost(url: string): boolean {
  const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? ''
  return host === '' || host === 'localhost' || host.endsWith('.localhost') || isAddress(host)
}

/** Only failures need this; `node:net` would cost each worker megabytes of memory and milliseconds of its start. */
function isAddress(host: string): boolean {
  return process.getBuiltinModule('node:net').isIP(host) !== 0
}
