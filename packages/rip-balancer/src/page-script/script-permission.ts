/** Whether the policies of a page let it run a script of its own host that opens connections to it. */
export type ScriptPermission =
  | { readonly allowed: true; readonly nonce: string | undefined }
  | { readonly allowed: false; readonly directive: string }

/** Sources by directive (CSP Level 3 §2.3). */
type Policy = ReadonlyMap<string, readonly string[]>

const NONCE = /^'nonce-([A-Za-z0-9+/_-]+={0,2})'$/
const SCRIPT = ['script-src-elem', 'script-src', 'default-src']
const CONNECT = ['connect-src', 'default-src']

/**
 * Reads the values of all `Content-Security-Policy` fields; each policy must allow it.
 *
 * @param host authority of the page
 */
export function scriptPermission(fields: readonly string[], host: string): ScriptPermission {
  const policies = fields.flatMap((field) => field.split(',')).map(readPolicy)
  const nonce = policies.flatMap((policy) => sources(policy, SCRIPT)?.map(nonceOf) ?? []).find(Boolean)
  for (const policy of policies) {
    const directive = forbids(policy, nonce, host)
    if (directive !== undefined) return { allowed: false, directive }
  }
  return { allowed: true, nonce }
}

function readPolicy(text: string): Policy {
  const policy = new Map<string, readonly string[]>()
  for (const directive of text.split(';')) {
    const [name = '', ...values] = directive.trim().split(/[\t\n\f\r ]+/)
    // Only the first of a name counts (§2.2.1).
    if (name !== '' && !policy.has(name.toLowerCase())) policy.set(name.toLowerCase(), values)
  }
  return policy
}

/** The directive that forbids it. */
function forbids(policy: Policy, nonce: string | undefined, host: string): string | undefined {
  if (policy.get('sandbox')?.some((value) => value.toLowerCase() === 'allow-scripts') === false)
    return 'sandbox'
  const scripts = sources(policy, SCRIPT)
  const isNamed = nonce !== undefined && scripts?.some((source) => nonceOf(source) === nonce) === true
  const isStrict = scripts?.some((source) => source.toLowerCase() === "'strict-dynamic'") === true
  if (scripts !== undefined && !isNamed && (isStrict || !allowsHost(scripts, host)))
    return directiveOf(policy, SCRIPT)
  const connections = sources(policy, CONNECT)
  return connections === undefined || allowsHost(connections, host) ? undefined : directiveOf(policy, CONNECT)
}

function directiveOf(policy: Policy, names: readonly string[]): string {
  return names.find((name) => policy.has(name)) ?? names[0]!
}

function sources(policy: Policy, names: readonly string[]): readonly string[] | undefined {
  return policy.get(directiveOf(policy, names))
}

function nonceOf(source: string): string | undefined {
  return NONCE.exec(source)?.[1]
}

function allowsHost(values: readonly string[], host: string): boolean {
  return values.some((value) => {
    const source = value.toLowerCase()
    if (source === "'self'" || source === '*' || source === 'http:' || source === 'https:') return true
    return host !== '' && source.replace(/^https?:\/\//, '').replace(/\/$/, '') === host.toLowerCase()
  })
}
