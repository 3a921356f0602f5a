type Environment = Readonly<Record<string, string>>

/**
 * What a balancer, its runtime and the libraries of the system read: where files are, language and time, certificates, names in DNS,
 * memory.
 */
const NAMES: ReadonlySet<string> = new Set([
  'BUN_GARBAGE_COLLECTOR_LEVEL',
  'BUN_INSTALL',
  'BUN_OPTIONS',
  'BUN_TMPDIR',
  'FORCE_COLOR',
  'HOME',
  'LANG',
  'LANGUAGE',
  'LOCALDOMAIN',
  'LOGNAME',
  'NODE_EXTRA_CA_CERTS',
  'NO_COLOR',
  'PATH',
  'RES_OPTIONS',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
  'TEMP',
  'TERM',
  'TMP',
  'TMPDIR',
  'TZ',
  'TZDIR',
  'USER',
])
/** Those that begin with `RIP_` are between the processes of a server. */
const PREFIXES: readonly string[] = [
  'BUN_FEATURE_FLAG_',
  'BUN_JSC_',
  'LC_',
  'LD_',
  'MALLOC_',
  'MIMALLOC_',
  'OPENSSL_',
  'RIP_',
]

/**
 * The environment of a balancer: it reads what anybody sends, and has no use for the passwords of the application, which are in the
 * environment that the server was started with.
 */
export function balancerEnvironment(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => concernsBalancer(name)))
}

function concernsBalancer(name: string): boolean {
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix))
}
