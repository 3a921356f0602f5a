import {
  type ContentTree,
  type HandOverResult,
  type ListenSocket,
  type Manager,
  ManagerMetrics,
  type ManagerStatus,
  openControlServer,
  type ReloadOptions,
  type ReloadResult,
  type RunDir,
  type ServedCertificate,
} from '@rip/manager'
import { settingsCertificate } from '../front/certificate.ts'
import { CertificateWatch } from '../front/certificate-watch.ts'
import type { Front } from '../front/front.ts'
import type { Ops, OpsOptions } from '../ops/open-ops.ts'
import type { Settings } from '../settings/settings.ts'
import { DescriptorWatch } from './descriptor-watch.ts'
import { DiskWatch, writtenBy } from './disk-watch.ts'
import { FailureWatch } from './failure-watch.ts'
import type { LiveConfiguration } from './live-configuration.ts'
import type { ServerPlan } from './server-plan.ts'
import { statusWithTraffic } from './status-with-traffic.ts'

/** How often certificates are looked at: often enough for an operator who renews one and waits for what comes of it. */
const LOOK_MS = 5_000
/** Where only balancers of others that join may have some. */
const JOINED_LOOK_MS = 3_600_000

/** By which operators, probes and scrapers hear of a server. */
export interface Outlets {
  /** Absent where nothing may ask. */
  readonly ops: Ops | undefined
  readonly certificates: CertificateWatch
}

/** Commands that a server carries out itself, around its manager. */
export interface ServerCommands {
  /** Absent when this process cannot be started anew. */
  readonly handOver?: () => Promise<HandOverResult>
  readonly reload: (options: ReloadOptions) => Promise<ReloadResult>
}

/** What the outlets show, and who carries out what comes in by them. */
export interface OutletSources {
  /** Gets what has to be closed. */
  readonly owned: AsyncDisposableStack
  readonly runDir: RunDir
  readonly manager: Manager
  readonly front: Front
  readonly configuration: LiveConfiguration
  readonly tree: ContentTree
  /** A listening socket from systemd for probes. */
  readonly opsSocket: ListenSocket | undefined
  readonly commands: ServerCommands
}

/** Opens the control socket and what answers probes, and begins to watch for what an operator has to be told. */
export async function openOutlets(plan: ServerPlan, sources: OutletSources): Promise<Outlets> {
  const { owned, runDir, manager, front, configuration, tree, opsSocket, commands } = sources
  const warn = (message: string): void => manager.warn(message)
  const disks = owned.use(
    new DiskWatch({
      written: () => writtenBy(runDir.path, accessLogFile(configuration.current)),
      tell: warn,
    }),
  )
  const status = async (): Promise<ManagerStatus> => {
    const traffic = await front.traffic()
    const told = traffic === undefined ? manager.status : statusWithTraffic(manager.status, traffic)
    return { ...told, healthReasons: [...told.healthReasons, ...disks.reasons] }
  }
  // In development the page of the failed request says what is wrong.
  if (plan.mode === 'production') owned.use(new FailureWatch({ status, manager }))
  owned.use(new DescriptorWatch({ tell: warn }))
  const metrics = owned.use(new ManagerMetrics(manager))
  const ops = await opsOf(plan, {
    passed: opsSocket,
    owned,
    metrics,
    status,
    present: () => manager.status,
    balancers: () => front.metrics(),
  })
  const certificates = owned.use(
    new CertificateWatch({
      read: async () => (await front.traffic())?.certificates ?? certificatesIn(configuration.current),
      tell: {
        expires: warn,
        refused: (file, reason) => manager.tellCertificate({ type: 'certificate-refused', file, reason }),
        replaced: (file, expiresAtMs) =>
          manager.tellCertificate({ type: 'certificate-replaced', file, expiresAtMs }),
      },
      everyMs: configuration.current.tlsCert === undefined ? JOINED_LOOK_MS : LOOK_MS,
    }),
  )
  owned.use(
    await openControlServer({
      path: runDir.controlPath,
      manager,
      metrics,
      status,
      requests: front.requests,
      content: (file) => tree.account(file),
      join: front.join,
      joined: front.joined,
      ...commands,
    }),
  )
  return { ops, certificates }
}

/** Most servers have no probes, and load nothing for them. */
async function opsOf(
  { ops: address, inherited }: ServerPlan,
  sources: Omit<OpsOptions, 'address' | 'inherited'>,
): Promise<Ops | undefined> {
  if (address === undefined && inherited?.opsFd === undefined && sources.passed === undefined)
    return undefined
  const { openOps } = await import('../ops/open-ops.ts')
  return await openOps({ ...sources, address, inherited })
}

/** The certificate of the settings, as long as no balancer says which one it serves. */
function certificatesIn(settings: Settings): readonly ServedCertificate[] {
  try {
    return [settingsCertificate(settings) ?? []].flat()
  } catch {
    // It was removed since it was proven: the balancer serves the one it has.
    return []
  }
}

function accessLogFile({ balancer: { accessLog } }: Settings): string | undefined {
  return typeof accessLog === 'object' ? accessLog.file : undefined
}
