/**
 * Whether a request is addressed to this machine: `localhost`, a name below it, or an address. A page of another site
 * that had its own name resolved to this machine (DNS rebinding) says that name.
 */
export function isToLocalHost(url: string): boolean {
  const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? ''
  return host === '' || host === 'localhost' || host.endsWith('.localhost') || isAddress(host)
}

/** Only failures ask; `node:net` would cost each worker megabytes and milliseconds of its start. */
function isAddress(host: string): boolean {
  return process.getBuiltinModule('node:net').isIP(host) !== 0
}
