import type { AccessLogFormat } from '@rip/balancer'
import type { BackgroundSetting, WrittenBackground } from './background-programs.ts'
import type { BalancerSettings } from './balancer-settings.ts'
import type { LogFormat } from '../output/log-record.ts'
import type { Command } from './command.ts'

/** How a setting is written, its value, and the unit of that value, which ends its name in {@link Settings}. */
interface Kind<Written, Value, Unit extends string> {
  readonly written: Written
  readonly value: Value
  readonly unit: Unit
}

/** A setting that always has a value. */
type Said<Written, Value = Written, Unit extends string = ''> = Kind<Written, Value, Unit>

/** A setting that may have no value: it is absent or `off`. */
type Optional<Written, Value = Written, Unit extends string = ''> = Kind<Written, Value | undefined, Unit>

/**
 * Every setting of one value, by its key in the configuration. The types of the configuration, of a server's settings
 * and of the table `settingSpecs` follow from this list.
 */
interface SettingKinds {
  /** File or folder of the application, relative to the configuration file. @default its folder */
  readonly app: Said<string>
  /**
   * Start command of an application that is not loaded but run: words of a shell, or a list of a program and its
   * arguments. @default "rip.command" in package.json
   */
  readonly command: Optional<Command>
  /**
   * Folders whose files workers answer before the application, the first that has the file: `public`, or `/assets=dist`
   * for files below a path. Relative to the configuration file. @default those that a build leaves for it
   */
  readonly static: Said<string | readonly string[], readonly string[]>
  /**
   * Programs that work in the background, each in one process at a time: files of the application, whose names they
   * get, or `{ name, file }` and `{ name, command }`. With one of them the application need not answer requests.
   *
   * @default "rip": { "background": [ … ] } in package.json, else none
   */
  readonly background: Said<readonly WrittenBackground[], readonly BackgroundSetting[]>
  /** TCP port; 0 takes a free one. @default 3000 */
  readonly port: Said<number>
  /**
   * `HOST`, `HOST:PORT` or `unix:` and an absolute path, with who may connect:
   * `unix:/run/app.sock?mode=0660&group=www-data`.
   * @default all addresses, IPv4 and IPv6; in development '127.0.0.1'
   */
  readonly bind: Optional<string>
  /**
   * Where probes and scrapers ask `/live`, `/ready` and `/metrics`: `HOST:PORT`, a port of 127.0.0.1, or `unix:` and an
   * absolute path as for `bind`. @default 'off'
   */
  readonly ops: Optional<string | number, string>
  /** Worker processes. @default 'auto', in development 2 */
  readonly workers: Said<number | 'auto', number>
  /** Requests at once per worker; 1 isolates each request. @default 100 */
  readonly concurrency: Said<number>
  /** Replaces a worker after about this many requests. @default 'off' */
  readonly maxRequests: Optional<number | 'off', number>
  /** Replaces a worker that stays above this memory. @default 'off' */
  readonly maxMemory: Optional<string, number, 'Bytes'>
  /**
   * Replaces the largest worker while more of the memory limit of the control group is in use, at most one a
   * minute; does nothing where there is no limit. @default '90%'
   */
  readonly memoryBudget: Optional<string, number, 'Share'>
  /** Replaces a worker after about this time. @default 'off' */
  readonly maxLifetime: Optional<string, number, 'Ms'>
  /**
   * How long the server goes on serving after a stop, and reports it, so that a load balancer turns away first.
   *
   * @default '0s'
   */
  readonly stopDelay: Said<string, number, 'Ms'>
  /** Longest wait for requests that are being answered. @default '30s' */
  readonly drainTimeout: Said<string, number, 'Ms'>
  /** Longest start of a worker. @default '30s' */
  readonly bootTimeout: Said<string, number, 'Ms'>
  /** Watches for changed files in production, too. @default false */
  readonly hotfix: Said<boolean>
  /** Path, perhaps with a query, that must answer 2xx before new code serves. @default none */
  readonly health: Optional<string>
  /** `Host` of the health check, for an application that answers certain hosts only. @default 'localhost' */
  readonly healthHost: Optional<string>
  /**
   * Names a development server answers to, such as `shop.test`, or `*.ngrok.app` for all below it; `*` is all. Others
   * are refused, since a web page anywhere could make such requests by DNS rebinding. @default localhost and addresses
   */
  readonly allowHosts: Said<readonly string[]>
  /**
   * In development, open pages show what is wrong with a save, and reload once it serves; `--no-live` switches it off.
   *
   * @default true
   */
  readonly live: Said<boolean>
  /**
   * In development, Bun fetches packages that are missing where there is no `node_modules`; `start` never does.
   *
   * @default false
   */
  readonly install: Said<boolean>
  /** Certificate chain in PEM, relative to the configuration file: serves https. @default none */
  readonly tlsCert: Optional<string>
  /** Its key in PEM. @default none */
  readonly tlsKey: Optional<string>
  /** Largest request body. @default '10MiB' */
  readonly maxBody: Optional<string, number, 'Bytes'>
  /** A line for each request, on standard output; a file is given as `balancer.accessLog`. @default 'none' */
  readonly accessLog: Optional<AccessLogFormat>
  /**
   * Lines of workers: `text` with the name of the worker before each, `json` as an object each with `worker`,
   * `generation`, `stream` and `time`, `raw` as they were written. @default 'text'; with --json 'json', with --quiet
   * 'raw'
   */
  readonly logFormat: Optional<LogFormat>
  /**
   * How long the previous code stands by after a switch: if too many answers of the new code fail meanwhile, it
   * serves again. @default '10s', in development 'off'
   */
  readonly rollbackWindow: Optional<string, number, 'Ms'>
  /**
   * The user that workers and the builder run as, for a server started as root: by name or number, perhaps with a
   * group, `shop:shop`. Refused in a file that users other than root can change. @default the user who starts it
   */
  readonly user: Optional<string>
  /** The user that the balancer runs as then. @default a number that no user has */
  readonly balancerUser: Optional<string>
  /** Name of the instance. @default the name of the application's folder */
  readonly name: Optional<string>
  /** Folder of its sockets and lock, relative to the configuration file. */
  readonly runDir: Optional<string>
}

type Key = keyof SettingKinds

/** What a configuration may say of one value. */
export type WrittenSettings = { readonly [K in Key]?: SettingKinds[K]['written'] }

/** Values by the name of the setting with its unit, such as `drainTimeoutMs` for `drainTimeout`. */
export type SettingValues = {
  readonly [K in Key as `${K}${SettingKinds[K]['unit']}`]: SettingKinds[K]['value']
}

/** The settings of a server, after flags, environment, configuration file and defaults were merged. */
export interface Settings extends SettingValues {
  /** Options of the balancer, which only the configuration file can set. */
  readonly balancer: BalancerSettings
}
