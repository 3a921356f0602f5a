/** What a command is given, beside the environment of its worker process. */
export interface CommandPlace {
  /** Socket that the application is to be served on. */
  readonly socket: string
  /** Socket on which the preload reports. */
  readonly link: string
  /** TCP port for programs that cannot listen on a socket. */
  readonly port: number
  /** Path of `preload/main.cjs`. */
  readonly preload: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Of the worker process alone. */
const OWN = new Set(['RIP_CONTROL', 'RIP_SNAPSHOT', 'RIP_STANDBY', 'RIP_APART', 'RIP_BOOT_TIMEOUT_MS'])

/**
 * The environment of a command: the variables by which frameworks are told a socket, the preload for Node.js and Bun,
 * and the port. What the user has set himself stays, except for the port.
 */
export function commandEnvironment(env: Environment, place: CommandPlace): Record<string, string> {
  const given = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OWN.has(entry[0]),
  )
  const { socket, link, port, preload } = place
  return {
    // Nitro, SvelteKit and Deno.
    NITRO_UNIX_SOCKET: socket,
    SOCKET_PATH: socket,
    DENO_SERVE_ADDRESS: `unix:${socket}`,
    // A port that is open to the network would be a way around the balancer.
    HOST: '127.0.0.1',
    ...Object.fromEntries(given),
    NODE_OPTIONS: withOption(env['NODE_OPTIONS'], `--require=${quoted(preload)}`),
    BUN_OPTIONS: withOption(env['BUN_OPTIONS'], `--preload=${quoted(preload)}`),
    PORT: String(port),
    WORKER_ID: env['RIP_WORKER_ID'] ?? '1',
    RIP_SOCKET: socket,
    RIP_COMMAND_LINK: link,
    RIP_COMMAND_PORT: String(port),
  }
}

function withOption(given: string | undefined, option: string): string {
  return given === undefined || given === '' ? option : `${given} ${option}`
}

/** Both programs take blanks within double quotes. */
function quoted(path: string): string {
  return /[\s"\\]/.test(path) ? `"${path.replaceAll(/["\\]/g, '\\$&')}"` : path
}
