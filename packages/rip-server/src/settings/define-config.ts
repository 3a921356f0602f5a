import type { AccessLogFormat } from '@rip/balancer'
import type { BalancerSettings } from './balancer-settings.ts'
import type { LogFormat } from '../output/log-record.ts'
import type { Mode } from './settings.ts'

/**
 * What `rip-server.config.{ts,js,rip}` may say. Flags and environment variables win over it. Durations are texts
 * such as `250ms`, `30s`, `5m`; sizes such as `64KiB`, `512MiB`.
 */
export interface RipServerConfig {
  /** File or folder of the application, relative to the configuration file. @default its folder */
  readonly app?: string
  /** TCP port; 0 takes a free one. @default 3000 */
  readonly port?: number
  /**
   * `HOST`, `HOST:PORT` or `unix:` and an absolute path, with who may connect: `unix:/run/app.sock?mode=0660&group=www-data`.
   * @default '0.0.0.0', in development '127.0.0.1'
   */
  readonly bind?: string
  /** Worker processes. @default 'auto', in development 2 */
  readonly workers?: number | 'auto'
  /** Requests at once per worker; 1 isolates each request. @default 100 */
  readonly concurrency?: number
  /** Replaces a worker after about this many requests. @default 'off' */
  readonly maxRequests?: number | 'off'
  /** Replaces a worker that stays above this memory. @default 'off' */
  readonly maxMemory?: string
  /**
   * Replaces the largest worker while more of the memory limit of the control group is in use, at most one a
   * minute; does nothing where there is no limit. @default '90%'
   */
  readonly memoryBudget?: string
  /** Replaces a worker after about this time. @default 'off' */
  readonly maxLifetime?: string
  /** How long it serves on when told to stop and says so, for a load balancer to turn away first. @default '0s' */
  readonly stopDelay?: string
  /** Longest wait for requests that are being answered. @default '30s' */
  readonly drainTimeout?: string
  /** Longest start of a worker. @default '30s' */
  readonly bootTimeout?: string
  /** Watches for changed files in production, too. @default false */
  readonly hotfix?: boolean
  /** Path, perhaps with a query, that must answer 2xx before new code serves. @default none */
  readonly health?: string
  /** `Host` of that check, for an application that answers certain hosts only. @default 'localhost' */
  readonly healthHost?: string
  /**
   * Names a development server answers to, such as `shop.test`, or `*.ngrok.app` for all below it; `*` is all. Others
   * are refused, since a web page anywhere could make such requests by DNS rebinding. @default localhost and addresses
   */
  readonly allowHosts?: readonly string[]
  /** In development, Bun fetches packages that are missing where there is no `node_modules`; `start` never does. @default false */
  readonly install?: boolean
  /** Certificate chain in PEM, relative to the configuration file: serves https. @default none */
  readonly tlsCert?: string
  /** Its key in PEM. @default none */
  readonly tlsKey?: string
  /** Largest request body. @default '10MiB' */
  readonly maxBody?: string
  /** A line for each request, on standard output; a file is given as `balancer.accessLog`. @default 'none' */
  readonly accessLog?: AccessLogFormat
  /**
   * Lines of workers: `text` with the name of the worker before each, `json` as an object each with `worker`,
   * `generation`, `stream` and `time`, `raw` as they were written. @default 'text'; with --json 'json', with --quiet 'raw'
   */
  readonly logFormat?: LogFormat
  /** Everything else the balancer can do: timeouts, limits, trusted proxies, retries, processes, log file. */
  readonly balancer?: BalancerSettings
  /**
   * How long the code before stands by after a switch: if too many answers of the new code fail meanwhile, it
   * serves again. @default '10s', in development 'off'
   */
  readonly rollbackWindow?: string
  /**
   * Started as root: whom workers and the builder run as, by name or number, perhaps with a group, `shop:shop`. Refused in
   * a file that others than root can change. @default whoever starts it
   */
  readonly user?: string
  /** Whom the balancer runs as then. @default a number that is nobody's */
  readonly balancerUser?: string
  /** Name of the instance. @default the name of the application's folder */
  readonly name?: string
  /** Folder of its sockets and lock, relative to the configuration file. */
  readonly runDir?: string
}

/** What a configuration in the form of a function is called with. */
export interface ConfigContext {
  readonly mode: Mode
  /** The command that asks, such as `start`. */
  readonly command: string
}

export type ConfigExport =
  RipServerConfig | ((context: ConfigContext) => RipServerConfig | Promise<RipServerConfig>)

/** Gives the configuration its types; returns it unchanged. */
export function defineConfig<T extends ConfigExport>(config: T): T {
  return config
}
