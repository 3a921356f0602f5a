export { AdminClient } from './admin/admin-client.ts'
export type { AdminClientOptions } from './admin/admin-client.ts'
export { ADMIN_VERSION } from './admin/admin-protocol.ts'
export type {
  BackendBody,
  BackendDeclaration,
  BackendDrained,
  BalancerStatus,
  CutBody,
  DrainBody,
  LeaveReport,
  PoolBody,
  PrepareBody,
  RequestsReport,
} from './admin/admin-protocol.ts'
export { Balancer, balance, createBalancer } from './balancer.ts'
export type { DrainOptions } from './balancer.ts'
export type { BalancerHooks } from './balancer-hooks.ts'
export { splitWords } from './cli/flags.ts'
export type { SplitWords } from './cli/flags.ts'
export { runBalancer } from './cli/run-balancer.ts'
export type { ProgramIo } from './cli/program-io.ts'
export type {
  AccessLogConfig,
  BackendConfig,
  BalancerConfig,
  Duration,
  ForwardingConfig,
  LimitsConfig,
  ListenerConfig,
  Size,
  LearnedFieldConfig,
  StickyCookieConfig,
  TimeoutsConfig,
} from './config/config.ts'
export type { BackendTlsConfig } from './settings/backend-tls.ts'
export { configProblems } from './config/resolve-config.ts'
export { dns } from './discovery/dns.ts'
export type { DnsOptions, ResolvedName, ResolveName } from './discovery/dns.ts'
export type { BackendList } from './discovery/discovery.ts'
export { BalancerError } from './errors.ts'
export type { BalancerErrorCode, BalancerErrorDetail } from './errors.ts'
export type { BalancerEvent } from './events.ts'
export type { EndCause, ExchangeRecord } from './exchange/record.ts'
export type { HalfClose } from './settings/half-close.ts'
export type {
  ClientView,
  EditableFields,
  Hooks,
  LocalAnswer,
  RequestView,
  ResponseView,
} from './settings/hooks.ts'
export { FetchPool, createPool } from './fetch/fetch-pool.ts'
export type { PoolConfig, PoolFetchOptions, PoolHooks } from './fetch/fetch-pool.ts'
export type { AccessLogFormat } from './settings/access-log-format.ts'
export type { LogSink } from './log/log-sink.ts'
export type { Backend } from './upstream/backend.ts'
export type { BackendAddress, BackendTls } from './address/backend-address.ts'
export type { Claimant, ClaimRefusal, Claims, Outcome } from './pool/claim.ts'
export type { BackendSpec } from './pool/pooled-backend.ts'
export type { PolicyName } from './pool/policy.ts'
export type { PoolClock } from './pool/clock.ts'
export type { DrainReport, GenerationDrainReport } from './pool/drains.ts'
export { Pool } from './pool/pool.ts'
export type { EjectionOptions, PoolObserver, PoolOptions, PoolSettings } from './pool/pool-options.ts'
export {
  DEFAULT_SOCKET_MODE,
  UNIX_ADDRESS_FORM,
  parseUnixAddress,
  type UnixAddress,
} from './address/unix-address.ts'
export type { RequestInFlight } from './exchange/request-in-flight.ts'
export type { FailedRequest } from './metrics/failed-requests.ts'
export type { GenerationRoutes, GenerationTally } from './metrics/generation-tallies.ts'
export type { RouteTally } from './metrics/route-tallies.ts'
export type { ComparedGroup, GenerationComparison } from './metrics/lot-tally.ts'
export type { BackendStatus, PoolStatus } from './pool/pool-status.ts'
