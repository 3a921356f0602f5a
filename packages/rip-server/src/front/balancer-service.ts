import { existsSync } from 'node:fs'
import type { AdminClient, BalancerConfig } from '@rip/balancer'
import {
  type Account,
  formatListenAddress,
  type ListenAddress,
  type ListenSocket,
  type ProcessSpec,
  type Service,
} from '@rip/manager'
import type { Settings } from '../settings/settings.ts'
import { balancerConfig } from './balancer-config.ts'
import { balancerEnvironment } from './balancer-environment.ts'
import { ConfigFile } from './config-file.ts'
import type { LentCertificate } from './lent-certificate.ts'
import { balancerProgram } from '../programs/programs.ts'

/** Descriptor the first listening socket has in the balancer: the one after standard input, output and error. */
const INHERITED_FD = 3
/** How often a balancer that is starting is asked whether it answers. */
const READY_POLL_MS = 10

export interface BalancerServiceOptions {
  /** Listening sockets to pass on; none where the system cannot pass one on. */
  readonly sockets: readonly ListenSocket[]
  /** Address that the balancer binds itself without such a socket. */
  readonly listen: ListenAddress
  readonly adminPath: string
  /** See {@link allowedHosts}. */
  readonly allowHosts: () => readonly string[] | undefined
  readonly admin: AdminClient
  /** Key of the cookies of `sticky`, which balancers that join know, too. */
  readonly stickyKey: () => string
  /** See `learnedFile` of {@link BalancerPlace}. */
  readonly learnedFile: string
  /** See {@link BalancerPlace}. */
  readonly pageScript?: BalancerConfig['pageScript']
  /** All other settings, as they are in force. */
  readonly settings: () => Settings
  /** File for its configuration, which only the balancer can read. */
  readonly configPath: string
  /** Whether it accepts connections only once it has workers to route to. */
  readonly acceptWhenRouted: boolean
  /** The environment of the server, of which the balancer gets what concerns it. */
  readonly env: Readonly<Record<string, string>>
  /**
   * The user it runs as, who owns its configuration; `certificate` then names the files of its certificate.
   *
   * @default the user of this process
   */
  readonly account?: Account | undefined
  readonly certificate?: LentCertificate | undefined
  /** See {@link BalancerPlace}. */
  readonly keptCertificate: string
}

/** A balancer whose configuration can be changed. */
export interface BalancerService extends Service {
  /**
   * Resolves when the balancer applies the settings that are in force now.
   *
   * @throws what `AdminClient.configure` throws
   */
  configure(): Promise<void>
}

/** The balancer as a service: a process that the manager supervises without knowing what it does. */
export function balancerService(options: BalancerServiceOptions): BalancerService {
  const { sockets, listen, adminPath, allowHosts, admin, settings, configPath, env, acceptWhenRouted } =
    options
  const { account, certificate, keptCertificate, stickyKey, learnedFile, pageScript } = options
  const passed = sockets.map((_, at) => `fd:${INHERITED_FD + at}`)
  const addresses = passed.length > 0 ? passed : [formatListenAddress(listen)]
  const config = (): BalancerConfig =>
    balancerConfig(settings(), {
      listen: addresses,
      adminPath,
      allowHosts: allowHosts(),
      stickyKey: stickyKey(),
      learnedFile,
      certificate,
      keptCertificate,
      ...(pageScript !== undefined && settings().live && { pageScript }),
    })
  const file = new ConfigFile(configPath, account)
  // Written for each start, so that a balancer can come back even if the folder was changed meanwhile.
  const write = (): void => {
    certificate?.lend()
    file.write(JSON.stringify(config(), null, 2))
  }
  const spec: ProcessSpec = {
    name: 'balancer',
    command: [
      process.execPath,
      balancerProgram(),
      '--config',
      configPath,
      '--processes',
      String(settings().balancer.processes ?? 1),
      ...(acceptWhenRouted ? ['--accept-when-routed'] : []),
    ],
    cwd: '/',
    // Its standard input is a pipe: the balancer leaves when that ends, either because this process is gone or because
    // it asks. This process answers signals to stop, which may be sent to every process at once.
    env: { ...balancerEnvironment(env), RIP_PARENT_FD: '0', RIP_PARENT_STOPS: '1' },
    ...(account && { account }),
    inheritFds: sockets.map(({ fd }) => fd),
  }
  return {
    name: 'balancer',
    isRouter: true,
    leavesBy: 'end-of-input',
    spec: () => {
      write()
      return spec
    },
    async configure() {
      write()
      await admin.configure(config())
    },
    ready: ({ signal }) => untilReady(options, signal),
    alive: async ({ signal }) => void (await admin.status(signal)),
    leave: () => admin.leave(),
  }
}

async function untilReady(options: BalancerServiceOptions, signal: AbortSignal): Promise<void> {
  while (!(await isReady(options, signal))) {
    signal.throwIfAborted()
    await Bun.sleep(READY_POLL_MS)
  }
}

async function isReady(
  { admin, adminPath }: Pick<BalancerServiceOptions, 'admin' | 'adminPath'>,
  signal: AbortSignal,
): Promise<boolean> {
  // Looking costs far less than asking, and processors are needed for what starts.
  if (!existsSync(adminPath)) return false
  return admin.status(signal).then(
    ({ ready }) => ready,
    () => false,
  )
}
